import { sanitize } from '@portcullis/shared';
import { askDaemon, configuredAddresses, formatProbeAddress } from '@portcullis/shared/probe';
import type { ProbeAddress, ProbeAnswer, ProbeListenConfig } from '@portcullis/shared/probe';
import { parseStats } from './parse-stats.js';
import { parseProbeArguments, type ProbeRequest } from './probe-arguments.js';
import { formatStatusJson, formatStatusText, type StatusReport } from './status-report.js';

/** The answer to where the daemon listens. */
export type ListenReading =
  | {
      readonly kind: 'listen';
      readonly listen: ProbeListenConfig;
      /** Undefined: there is no clamd.conf, the embedded defaults hold. */
      readonly configFile: string | undefined;
    }
  /** One sentence. */
  | { readonly kind: 'refused'; readonly message: string };

export interface ProbeOptions {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Reads clamd.conf; called only when no address was given. Undefined: from the usual places. */
  readonly readListen: (configFile: string | undefined) => ListenReading;
}

const EXIT_SERVING = 0;
const EXIT_NOT_SERVING = 1;
const EXIT_USAGE = 2;
const PONG = 'PONG';
/** Of a reply that is not PONG. */
const SHOWN_MAX_CHARACTERS = 80;

/**
 * `ping` and `status`: asks a running daemon, or clamd, how it is.
 *
 * @param args beginning with the verb.
 * @returns the exit code: 0 it serves, 1 it does not or cannot be reached, 2 wrong usage or configuration.
 */
export async function runProbe(args: readonly string[], options: ProbeOptions): Promise<number> {
  const parsed = parseProbeArguments(args);
  if (parsed.kind === 'help') {
    options.stdout(parsed.text);
    return EXIT_SERVING;
  }
  if (parsed.kind === 'usage') return complain(options, args[0], parsed.message, EXIT_USAGE);
  const { request } = parsed;
  const target = findTarget(request, options);
  if (typeof target === 'string') return complain(options, request.verb, target, EXIT_USAGE);
  const deadlineAtMs = performance.now() + request.timeoutMs;
  const pinged = await pingFirst(target.addresses, deadlineAtMs);
  if (request.verb === 'ping') {
    const problem = pingProblem(pinged.answer);
    if (problem !== undefined) {
      const address = formatProbeAddress(pinged.address);
      return complain(options, 'ping', `${address}: ${problem}`, EXIT_NOT_SERVING);
    }
    options.stdout(`${PONG}\n`);
    return EXIT_SERVING;
  }
  const report = await examine(pinged, target.configFile, deadlineAtMs);
  options.stdout(request.json ? formatStatusJson(report) : formatStatusText(report));
  return report.serving ? EXIT_SERVING : EXIT_NOT_SERVING;
}

type Addresses = readonly [ProbeAddress, ...ProbeAddress[]];

/** @returns what is wrong, as text, when there is no address to ask. */
function findTarget(
  { address, configFile }: ProbeRequest,
  { readListen }: ProbeOptions,
): { addresses: Addresses; configFile: string | undefined } | string {
  if (address !== undefined) return { addresses: [address], configFile: undefined };
  const reading = readListen(configFile);
  if (reading.kind === 'refused') return reading.message;
  const [first, ...others] = configuredAddresses(reading.listen);
  if (first === undefined) {
    return `${reading.configFile ?? 'the configuration'} names neither LocalSocket nor TCPSocket: give an address`;
  }
  return { addresses: [first, ...others], configFile: reading.configFile };
}

interface Pinged {
  readonly address: ProbeAddress;
  readonly answer: ProbeAnswer;
}

/** Asks one after the other until one is reached; of those that are not, the first is told about. */
async function pingFirst([first, ...others]: Addresses, deadlineAtMs: number): Promise<Pinged> {
  const pinged: Pinged = { address: first, answer: await askUntil(first, 'PING', deadlineAtMs) };
  if (isReached(pinged.answer)) return pinged;
  for (const address of others) {
    if (performance.now() >= deadlineAtMs) break;
    const answer = await askUntil(address, 'PING', deadlineAtMs);
    if (isReached(answer)) return { address, answer };
  }
  return pinged;
}

function isReached(answer: ProbeAnswer): boolean {
  return answer.kind === 'reply' || answer.reached;
}

function askUntil(address: ProbeAddress, command: string, deadlineAtMs: number): Promise<ProbeAnswer> {
  return askDaemon(address, command, Math.max(1, deadlineAtMs - performance.now()));
}

function pingProblem(answer: ProbeAnswer): string | undefined {
  if (answer.kind === 'failed') return answer.reason;
  return answer.text === PONG
    ? undefined
    : `PING was answered with "${answer.text.slice(0, SHOWN_MAX_CHARACTERS)}"`;
}

async function examine(
  { address, answer }: Pinged,
  configFile: string | undefined,
  deadlineAtMs: number,
): Promise<StatusReport> {
  const report = {
    address: formatProbeAddress(address),
    configFile,
    reachable: isReached(answer),
    serving: false,
    problem: pingProblem(answer),
    pingMs: answer.kind === 'reply' ? answer.elapsedMs : undefined,
    versionText: undefined,
    stats: undefined,
  };
  if (report.problem !== undefined) return report;
  const [version, stats] = await Promise.all([
    askUntil(address, 'VERSION', deadlineAtMs),
    askUntil(address, 'STATS', deadlineAtMs),
  ]);
  const versionText = version.kind === 'reply' ? version.text : undefined;
  if (stats.kind === 'failed') return { ...report, versionText, problem: stats.reason };
  const reading = parseStats(stats.text);
  // An answer that cannot be read, or that the operator has switched off, does not keep it from scanning.
  if (reading.kind === 'malformed') {
    return { ...report, serving: true, versionText, problem: statsProblem(stats.text, reading.line) };
  }
  const { status } = reading;
  const serving = status.state === 'VALID';
  const problem = serving ? undefined : `the signature database is ${status.state}`;
  return { ...report, serving, versionText, problem, stats: status };
}

function statsProblem(text: string, line: number): string {
  if (text === 'COMMAND UNAVAILABLE') return 'STATS is switched off (EnableStatsCommand)';
  return `line ${line} of the STATS reply is not as it should be`;
}

function complain(
  options: ProbeOptions,
  verb: string | undefined,
  message: string,
  exitCode: number,
): number {
  options.stderr(`scanner-daemon${verb === undefined ? '' : ` ${verb}`}: ${sanitize(message)}\n`);
  return exitCode;
}
