import { askClient } from '../control/ask-client.js';
import type { StatusSnapshot } from '../control/status-snapshot.js';
import { sendCanary } from './canary.js';
import type { CanaryOutcome } from './canary.js';
import { fail, ok, skip, warn } from './check.js';
import type { Check } from './check.js';

export interface CanaryPlan {
  /** Where canaries are sent. */
  readonly directory: string;
  /** Who opens them; undefined: whoever we are. */
  readonly openAs: number | undefined;
  /** The running client; undefined: none, then only the filesystem is tried out. */
  readonly client: { readonly snapshot: StatusSnapshot; readonly socketPath: string } | undefined;
}

/** How long a report may be on its way to the counters. */
const COUNTED_MAX_MS = 5_000;
const COUNTED_POLL_MS = 100;
const SEE_STATUS =
  '`onacc-client status` tells what is marked and what failed; the log of the client says more';

/** Sends a harmless file and, past a running client, the EICAR test file. */
export async function checkCanaries(plan: CanaryPlan): Promise<Check[]> {
  const { directory, client, openAs } = plan;
  const topic = `canary in ${directory}`;
  const harmless = await sendCanary(directory, 'clean', openAs);
  const checks = judgeHarmless(topic, harmless, openAs);
  if (harmless.kind !== 'opened') return checks;
  if (client === undefined) return [...checks, skip(topic, 'no client runs, so nothing is refused')];
  return [...checks, await checkEicar(topic, plan, client)];
}

function judgeHarmless(topic: string, outcome: CanaryOutcome, openAs: number | undefined): Check[] {
  switch (outcome.kind) {
    case 'opened':
      return openAs === undefined ? [judgeLease(topic, outcome.lease)] : [ok(topic, 'a harmless file opens')];
    case 'notWritten':
      return [explainNotWritten(topic, outcome.code)];
    case 'refused':
      if (openAs !== undefined && outcome.code === 'EACCES') {
        return [skip(topic, `uid ${openAs}, which is not excluded, may not enter this directory`)];
      }
      return [
        fail(
          topic,
          `a harmless file is refused (${outcome.code})`,
          `while the daemon is away that is OnAccessDenyOnError or ONACC_ON_…=deny at work: see the daemon above; ${SEE_STATUS}`,
        ),
      ];
    case 'stuck':
      return [
        fail(
          topic,
          'the open of a harmless file did not come back within 10 s',
          `stop the client if nothing moves (SIGKILL lets everybody go); ${SEE_STATUS}`,
        ),
      ];
    case 'broken':
      return [
        warn(topic, `could not be tried: ${outcome.reason}`, 'try again; if it stays, report it to us'),
      ];
  }
}

function judgeLease(topic: string, lease: 'noWriter' | 'writer' | 'unsupported'): Check {
  return lease === 'noWriter'
    ? ok(topic, 'a harmless file opens; leases are there, so verdicts are cached')
    : ok(topic, 'a harmless file opens; this filesystem has no leases, so every open is scanned anew');
}

function explainNotWritten(topic: string, code: string): Check {
  switch (code) {
    case 'EROFS':
      return skip(topic, 'is mounted read-only: no canary can be written');
    case 'EACCES':
    case 'EPERM':
      return skip(topic, `may not be written to by us (${code}); run the doctor as root`);
    case 'ENOSPC':
    case 'EDQUOT':
      return skip(topic, `has no room for a canary (${code})`);
    default:
      return warn(topic, `a canary could not be written (${code})`, 'see whether the filesystem is in order');
  }
}

async function checkEicar(
  topic: string,
  { directory, openAs }: CanaryPlan,
  { snapshot, socketPath }: NonNullable<CanaryPlan['client']>,
): Promise<Check> {
  const before = await infectedSoFar(socketPath);
  const outcome = await sendCanary(directory, 'eicar', openAs);
  const isCounted = before !== undefined && (await hasRisen(socketPath, before));
  switch (outcome.kind) {
    case 'opened':
      if (snapshot.mode === 'notify-only' && isCounted)
        return ok(topic, 'EICAR opens and is told of (notify-only)');
      return fail(
        topic,
        unseen(snapshot),
        `is it below an OnAccessExcludePath, or does the daemon not know EICAR (see above)? ${SEE_STATUS}`,
      );
    case 'refused':
      if (isCounted) return ok(topic, `EICAR is refused (${outcome.code})`);
      return warn(
        topic,
        `EICAR is refused (${outcome.code}), but not because it was found`,
        `OnAccessDenyOnError at work, or another program: see the daemon and other listeners above`,
      );
    case 'notWritten':
      return explainNotWritten(topic, outcome.code);
    case 'stuck':
      return fail(topic, 'the open of EICAR did not come back within 10 s', SEE_STATUS);
    case 'broken':
      return warn(topic, `could not be tried: ${outcome.reason}`, 'try again; if it stays, report it to us');
  }
}

function unseen({ mode }: StatusSnapshot): string {
  return mode === 'notify-only'
    ? 'EICAR opens, and nobody tells of it'
    : 'EICAR can be opened: nothing is refused here';
}

async function infectedSoFar(socketPath: string): Promise<number | undefined> {
  const answer = await askClient(socketPath);
  return answer.kind === 'snapshot' ? (answer.snapshot.counters['infected'] ?? 0) : undefined;
}

async function hasRisen(socketPath: string, before: number): Promise<boolean> {
  const giveUpAtMs = performance.now() + COUNTED_MAX_MS;
  for (;;) {
    const now = await infectedSoFar(socketPath);
    if (now !== undefined && now > before) return true;
    if (performance.now() >= giveUpAtMs) return false;
    await new Promise((resolve) => setTimeout(resolve, COUNTED_POLL_MS));
  }
}
