/** Where a daemon is asked. */
export type ProbeAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** The slice of clamd.conf that says where the daemon listens. */
export interface ProbeListenConfig {
  readonly localSocketPath: string | undefined;
  readonly tcpPort: number | undefined;
  /** Empty = every address. */
  readonly tcpAddresses: readonly string[];
}

const PORT_MAX = 65_535;
/** sun_path without its final NUL (unix(7)). */
const PATH_MAX_BYTES = 107;
/** A TCPAddr that means every address is asked on the loopback ones. */
const LOOPBACKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['any', ['127.0.0.1', '::1']],
  ['all', ['127.0.0.1', '::1']],
  ['0.0.0.0', ['127.0.0.1']],
  ['::', ['::1']],
]);

/** `unix:/path`, a bare absolute path, or `tcp://host:port`, an IPv6 host in brackets. @returns undefined for all else. */
export function parseProbeAddress(text: string): ProbeAddress | undefined {
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text;
  if (path.startsWith('/')) {
    return Buffer.byteLength(path) <= PATH_MAX_BYTES && !path.includes('\0')
      ? { kind: 'unix', path }
      : undefined;
  }
  const groups =
    /^tcp:\/\/(?:\[(?<v6>[0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|(?<name>[\w.-]+)):(?<port>[0-9]{1,5})$/.exec(
      text,
    )?.groups;
  const host = groups?.['v6'] ?? groups?.['name'];
  const port = Number(groups?.['port']);
  if (host === undefined || !(port >= 1 && port <= PORT_MAX)) return undefined;
  return { kind: 'tcp', host, port };
}

/** As {@link parseProbeAddress} reads it. */
export function formatProbeAddress(address: ProbeAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** The addresses to try, in order, until one answers: LocalSocket if there is one, else those of TCPSocket. */
export function configuredAddresses(listen: ProbeListenConfig): readonly ProbeAddress[] {
  const { localSocketPath, tcpPort, tcpAddresses } = listen;
  if (localSocketPath !== undefined) return [{ kind: 'unix', path: localSocketPath }];
  if (tcpPort === undefined) return [];
  const names = tcpAddresses.length === 0 ? ['any'] : tcpAddresses;
  const hosts = names.flatMap((name) => LOOPBACKS.get(name) ?? [name]);
  return [...new Set(hosts)].map((host) => ({ kind: 'tcp', host, port: tcpPort }));
}
