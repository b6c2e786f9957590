import { parseArgs } from 'node:util';
import { messageOf } from '@portcullis/shared';
import { parseProbeAddress, type ProbeAddress } from '@portcullis/shared/probe';

const TIMEOUT_DEFAULT_SECONDS = 5;
const TIMEOUT_MIN_SECONDS = 0.1;
const TIMEOUT_MAX_SECONDS = 300;

/** What a probe was asked to do. */
export interface ProbeRequest {
  readonly verb: 'ping' | 'status';
  /** Undefined: the address is read from clamd.conf. */
  readonly address: ProbeAddress | undefined;
  readonly configFile: string | undefined;
  /** For everything that the probe does. */
  readonly timeoutMs: number;
  readonly json: boolean;
}

export type ProbeArguments =
  | { readonly kind: 'probe'; readonly request: ProbeRequest }
  | { readonly kind: 'help'; readonly text: string }
  /** One sentence. */
  | { readonly kind: 'usage'; readonly message: string };

const HELP = `Usage: scanner-daemon ping   [-c FILE | ADDRESS] [--timeout SECONDS]
       scanner-daemon status [-c FILE | ADDRESS] [--timeout SECONDS] [--json]

ping prints PONG when the daemon answers; status prints what it is doing.
Without an ADDRESS the daemon is asked where clamd.conf says that it listens:
LocalSocket, or TCPSocket when there is none.

  ADDRESS                 unix:/path, tcp://host:port or tcp://[ipv6]:port
  -c, --config-file FILE  read this clamd.conf
  --timeout SECONDS       for everything, 0.1 to 300 (default: ${TIMEOUT_DEFAULT_SECONDS})
  --json                  one JSON object with stable names
  -h, --help

Exit codes: 0 the daemon serves, 1 it does not or cannot be reached, 2 wrong usage or configuration.
`;

/** @param args beginning with the verb. */
export function parseProbeArguments(args: readonly string[]): ProbeArguments {
  const [verb, ...rest] = args;
  if (verb !== 'ping' && verb !== 'status') return usage('the first word must be ping or status');
  const parsed = parseOptions(rest);
  if (typeof parsed === 'string') return usage(parsed);
  const { values, positionals } = parsed;
  if (values.help === true) return { kind: 'help', text: HELP };
  if (values.json === true && verb === 'ping') return usage('--json is for status');
  if (positionals.length > 1) return usage('more than one address was given');
  const [text] = positionals;
  const configFile = values['config-file'];
  if (text !== undefined && configFile !== undefined) {
    return usage('an address and --config-file exclude each other');
  }
  const address = text === undefined ? undefined : parseProbeAddress(text);
  if (text !== undefined && address === undefined) {
    return usage(`${text} is not an address: unix:/path, tcp://host:port or tcp://[ipv6]:port`);
  }
  const timeoutMs = parseTimeoutMs(values.timeout);
  if (timeoutMs === undefined) {
    return usage(`--timeout takes ${TIMEOUT_MIN_SECONDS} to ${TIMEOUT_MAX_SECONDS} seconds`);
  }
  return { kind: 'probe', request: { verb, address, configFile, timeoutMs, json: values.json === true } };
}

interface ParsedOptions {
  readonly values: { 'config-file'?: string; timeout?: string; json?: boolean; help?: boolean };
  readonly positionals: readonly string[];
}

/** @returns what is wrong, as text, when something is. */
function parseOptions(args: readonly string[]): ParsedOptions | string {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'config-file': { type: 'string', short: 'c' },
        timeout: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    return messageOf(error);
  }
}

function parseTimeoutMs(text: string | undefined): number | undefined {
  if (text === undefined) return TIMEOUT_DEFAULT_SECONDS * 1000;
  if (!/^[0-9]{1,3}(?:\.[0-9]{1,3})?$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds >= TIMEOUT_MIN_SECONDS && seconds <= TIMEOUT_MAX_SECONDS ? seconds * 1000 : undefined;
}

function usage(message: string): ProbeArguments {
  return { kind: 'usage', message };
}
