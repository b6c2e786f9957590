import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { AppError, messageOf } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import type { TcpAddress } from '@portcullis/shared/native';

/** Where the daemon is reached. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  /** Tried in this order, the next one after a failure; never empty, at most {@link ADDRESSES_MAX}. */
  | { readonly kind: 'tcp'; readonly addresses: readonly TcpAddress[] };

/** How a file gets to the daemon: its descriptor (FILDES), or its bytes as they are read (INSTREAM). */
export type Transfer = 'descriptor' | 'stream';

/** What {@link resolveEndpoint} found. */
export interface DaemonRoute {
  readonly endpoint: Endpoint;
  readonly transfer: Transfer;
  /** Said once at the start. */
  readonly warnings: readonly string[];
}

/** No daemon can be reached by this configuration: code `NO_DAEMON_ADDRESS`, with one line a problem, in clamonacc's words. */
export class EndpointError extends AppError<'NO_DAEMON_ADDRESS'> {
  readonly lines: readonly string[];

  constructor(lines: readonly string[], cause?: unknown) {
    super('NO_DAEMON_ADDRESS', lines.join('\n'), { cause });
    this.lines = lines;
  }
}

/** The part of clamd.conf that says where the daemon listens. */
export type ListenOptions = Pick<ClamdConfig['listen'], 'localSocketPath' | 'tcpPort' | 'tcpAddresses'>;

/** The addresses of a name. Rejects when there are none. */
export type LookUpName = (name: string) => Promise<readonly string[]>;

const ADDRESSES_MAX = 64;
/** clamonacc's tabs are kept: somebody may match on the line. */
const NO_ADDRESS =
  'ERROR: ClamClient: Clamonacc does not support binding to INADDR_ANY, \t\t\t\t\tplease specify an address with TCPAddr in your clamd.conf config file';
/** What stands for every address in TCPAddr: a place to listen, none to connect to. */
const WILDCARDS: ReadonlySet<string> = new Set(['any', 'all', '', '0.0.0.0', '::']);

/**
 * LocalSocket where it is set, else TCPAddr and TCPSocket (behaviour 4.2, step 5). Main thread, before anything is marked:
 * asking for a name may open files.
 *
 * @param streamAsked - `--stream`: bytes are sent even where a descriptor could be passed
 * @throws EndpointError `NO_DAEMON_ADDRESS`
 */
export async function resolveEndpoint(
  listen: ListenOptions,
  streamAsked: boolean,
  lookUp: LookUpName = lookUpAll,
): Promise<DaemonRoute> {
  if (listen.localSocketPath !== undefined) {
    const endpoint = { kind: 'unix', path: listen.localSocketPath } as const;
    return { endpoint, transfer: streamAsked ? 'stream' : 'descriptor', warnings: [] };
  }
  const names = listen.tcpAddresses;
  if (names.length === 0 || names.some((name) => WILDCARDS.has(name))) throw new EndpointError([NO_ADDRESS]);
  const port = listen.tcpPort;
  if (port === undefined || port < 1 || port > 0xffff) {
    throw new EndpointError(['ERROR: ClamClient: TCPAddr is set, but TCPSocket is not a port']);
  }
  const { addresses, unresolved } = await resolveNames(names, port, lookUp);
  if (addresses.length === 0) throw new EndpointError(unresolved.map((line) => `ERROR: ${line}`));
  const warnings = unresolved.map((line) => `WARNING: ${line}`);
  if (addresses.some(isLoopback)) warnings.push(LOOPBACK_WARNING);
  return { endpoint: { kind: 'tcp', addresses }, transfer: 'stream', warnings };
}

/** `unix:/run/clamd.sock`, `192.0.2.1:3310`, `[2001:db8::1]:3310`. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  return endpoint.addresses.map(describeAddress).join(', ');
}

/** `192.0.2.1:3310` or `[2001:db8::1]:3310`. */
export function describeAddress({ family, address, port }: TcpAddress): string {
  return family === 'inet6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A TCP peer has no process id, so the opens of a daemon on this machine look like anybody's. */
const LOOPBACK_WARNING =
  'WARNING: the daemon on this machine is reached over TCP, where it cannot be told by its process: its own opens are ' +
  'scanned as well. Use LocalSocket, or exclude its user with OnAccessExcludeUname';

async function resolveNames(
  names: readonly string[],
  port: number,
  lookUp: LookUpName,
): Promise<{ addresses: TcpAddress[]; unresolved: string[] }> {
  const found = new Map<string, TcpAddress>();
  const unresolved: string[] = [];
  for (const name of names) {
    try {
      for (const address of isNumeric(name) ? [name] : await lookUp(name)) {
        const family = isIPv6(withoutScope(address)) ? 'inet6' : 'inet';
        if (found.size < ADDRESSES_MAX) found.set(address, { family, address, port });
      }
    } catch (error) {
      unresolved.push(`ClamClient: Could not resolve TCPAddr ${name}: ${messageOf(error)}`);
    }
  }
  return { addresses: [...found.values()], unresolved };
}

function isNumeric(name: string): boolean {
  return isIP(withoutScope(name)) !== 0;
}

/** `fe80::1` of `fe80::1%eth0`. */
function withoutScope(address: string): string {
  return address.split('%', 1)[0] ?? address;
}

function isLoopback({ address }: TcpAddress): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

async function lookUpAll(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
