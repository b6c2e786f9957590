import { StringDecoder } from 'node:string_decoder';
import type { DaemonLog } from '../daemon-log.js';
import type { ClamdLogSeverity } from '../logging/clamd-log.js';

/** As clamd up to 0.101 began its lines about opened files. */
const PREFIX = 'ScanOnAccess: ';
/** Of a longer line the rest is dropped: PATH_MAX with its escapes, and what stands around it. */
const LINE_MAX_CHARACTERS = 16_384;

/** ClamAV's complaint, by a client that runs because the option was heeded. */
const CONTRADICTED = 'Ignoring deprecated option ScanOnAccess';

const SEVERITIES: Readonly<Record<string, ClamdLogSeverity>> = {
  fatal: 'error',
  error: 'error',
  warn: 'warning',
  debug: 'verbose',
};

/** @returns a sink for the client's output, in any pieces, that writes it to the daemon's log line by line. */
export function clientOutput(log: Pick<DaemonLog, 'say'>): (bytes: Buffer) => void {
  // A character may lie in two pieces.
  const decoder = new StringDecoder('utf8');
  let line = '';
  return (bytes) => {
    const [first = '', ...others] = decoder.write(bytes).split('\n');
    line = (line + first).slice(0, LINE_MAX_CHARACTERS);
    for (const next of others) {
      writeLine(log, line);
      line = next.slice(0, LINE_MAX_CHARACTERS);
    }
  };
}

function writeLine(log: Pick<DaemonLog, 'say'>, line: string): void {
  if (line === '' || line.includes(CONTRADICTED)) return;
  const said = parseLine(line);
  if (said === undefined) {
    log.say(severityOfText(line), `${PREFIX}${withoutSeverity(line)}`, { event: 'onAccess' });
    return;
  }
  const { level, msg, ...facts } = said;
  // What clamd logged of a detection had no WARNING in front.
  const severity = facts['event'] === 'found' ? 'info' : (SEVERITIES[String(level)] ?? 'info');
  log.say(severity, `${PREFIX}${msg}`, { event: 'onAccess', client: facts });
}

interface ClientLine extends Readonly<Record<string, unknown>> {
  readonly msg: string;
}

function parseLine(line: string): ClientLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    const isLine =
      typeof parsed === 'object' && parsed !== null && 'msg' in parsed && typeof parsed.msg === 'string';
    return isLine ? (parsed as ClientLine) : undefined; // the one field that is needed was looked at
  } catch {
    return undefined;
  }
}

function severityOfText(line: string): ClamdLogSeverity {
  if (line.startsWith('ERROR: ')) return 'error';
  return line.startsWith('WARNING: ') ? 'warning' : 'info';
}

function withoutSeverity(line: string): string {
  return line.replace(/^(?:ERROR|WARNING): /, '');
}
