import { askDaemon, configuredAddresses, formatProbeAddress } from '@portcullis/shared/probe';
import type { ProbeAddress, ProbeListenConfig } from '@portcullis/shared/probe';
import { fileURLToPath } from 'node:url';
import type { NativeApi } from '@portcullis/shared/native';
import { fail, ok, skip, warn } from './check.js';
import type { Check } from './check.js';
import { composeEicar } from './eicar.js';
import { judgeBytes } from './judge-bytes.js';
import { judgeDescriptor } from './judge-descriptor.js';

/** A daemon that loads its database answers late, but answers. */
const ANSWER_MAX_MS = 5_000;
const SCAN_MAX_MS = 20_000;
const DAY_MS = 86_400_000;
const DATABASE_AGE_MAX_DAYS = 7;
/** The clocks of two machines, and a database that was made today. */
const CLOCK_MARGIN_MS = DAY_MS;
/** Portcullis is younger than that, so a clock that shows an earlier time is wrong. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** A file that is there, and clean. */
const OWN_FILE = fileURLToPath(import.meta.url);

const SEE_DAEMON = '`scanner-daemon status` (or clamdtop) and its log say more';

/** @param listen - of clamd.conf. @param nowMs - wall clock. */
export async function checkDaemon(
  native: Pick<NativeApi, 'sockets' | 'files'>,
  listen: ProbeListenConfig,
  nowMs: number,
): Promise<Check[]> {
  const addresses = configuredAddresses(listen);
  if (addresses.length === 0) {
    return [
      fail(
        'daemon',
        'clamd.conf names neither LocalSocket nor TCPSocket',
        'set LocalSocket in clamd.conf, for daemon and client alike',
      ),
      checkClock(undefined, nowMs),
    ];
  }
  const reached: Check[] = [];
  for (const address of addresses) {
    const at = formatProbeAddress(address);
    const answer = await askDaemon(address, 'PING', ANSWER_MAX_MS);
    if (answer.kind === 'reply' && answer.text === 'PONG') {
      return [
        ...reached,
        ok('daemon', `${at} answers`),
        ...(await checkJudgement(address)),
        ...(await checkDescriptor(native, address)),
        ...(await checkDatabase(address, nowMs)),
      ];
    }
    const reason =
      answer.kind === 'failed' ? answer.reason : 'PING was answered with something else than PONG';
    reached.push(
      fail(
        'daemon',
        `${at}: ${reason}`,
        'start scanner-daemon (or clamd) on the same clamd.conf; while it is away nothing is scanned and OnAccessDenyOnError decides',
      ),
    );
  }
  return [...reached, skip('verdicts', 'no daemon to ask'), checkClock(undefined, nowMs)];
}

async function checkJudgement(address: ProbeAddress): Promise<Check[]> {
  const infected = await judgeBytes(address, composeEicar(), SCAN_MAX_MS);
  const clean = await judgeBytes(address, 'nothing to be found in here\n', SCAN_MAX_MS);
  return [
    infected.kind === 'infected'
      ? ok('verdicts', `the EICAR test file is found (${infected.signatureName})`)
      : infected.kind === 'clean'
        ? warn(
            'verdicts',
            'the EICAR test file is not found: the database is empty or not an official one',
            'load signatures (freshclam), then send the daemon RELOAD',
          )
        : fail('verdicts', `the daemon cannot judge: ${infected.reason}`, SEE_DAEMON),
    clean.kind === 'clean'
      ? ok('verdicts', 'clean bytes are clean')
      : fail(
          'verdicts',
          clean.kind === 'infected'
            ? `harmless bytes are found to be ${clean.signatureName}`
            : `clean bytes: ${clean.reason}`,
          `everything may be refused: check the signatures of your own; ${SEE_DAEMON}`,
        ),
  ];
}

/** AppArmor and SELinux let a daemon have a descriptor, and not read from it (field notes 1e, 71 and 72). */
async function checkDescriptor(
  native: Pick<NativeApi, 'sockets' | 'files'>,
  address: ProbeAddress,
): Promise<Check[]> {
  if (address.kind !== 'unix') return [];
  const topic = 'descriptors';
  const file = { socketPath: address.path, filePath: OWN_FILE, timeoutMs: SCAN_MAX_MS };
  const judgement = await judgeDescriptor(native, file);
  return [
    judgement.kind === 'clean'
      ? ok(topic, 'the daemon reads what is passed to it')
      : fail(
          topic,
          judgement.kind === 'infected'
            ? `a file of ours is found to be ${judgement.signatureName}`
            : `a passed descriptor cannot be judged: ${judgement.reason}`,
          `the AppArmor or SELinux profile of the daemon may keep it from reading (journalctl, ausearch -m avc); with --stream the client sends contents instead; ${SEE_DAEMON}`,
        ),
  ];
}

async function checkDatabase(address: ProbeAddress, nowMs: number): Promise<Check[]> {
  const topic = 'database';
  const answer = await askDaemon(address, 'VERSION', ANSWER_MAX_MS);
  if (answer.kind === 'failed') {
    return [skip(topic, `its version cannot be asked: ${answer.reason}`), checkClock(undefined, nowMs)];
  }
  const [, , made] = answer.text.split('/');
  const madeAtMs = made === undefined ? Number.NaN : Date.parse(made);
  if (Number.isNaN(madeAtMs))
    return [skip(topic, `${answer.text} tells no date`), checkClock(undefined, nowMs)];
  const days = Math.floor((nowMs - madeAtMs) / DAY_MS);
  const age =
    days > DATABASE_AGE_MAX_DAYS
      ? warn(
          topic,
          `${answer.text}: ${days} days old`,
          'update the signatures: run freshclam, and see that its timer or service runs',
        )
      : ok(topic, answer.text);
  return [age, checkClock(madeAtMs, nowMs)];
}

/** @param databaseMadeAtMs - undefined where no database tells. */
export function checkClock(databaseMadeAtMs: number | undefined, nowMs: number): Check {
  const topic = 'clock';
  const now = new Date(nowMs).toISOString();
  const advice = 'set it (timedatectl set-ntp true): logs, database age and quarantine records go by it';
  if (nowMs < EARLIEST_MS) return warn(topic, `${now} is in the past`, advice);
  if (databaseMadeAtMs !== undefined && databaseMadeAtMs > nowMs + CLOCK_MARGIN_MS) {
    return warn(topic, `${now} is before the database was made`, advice);
  }
  return ok(topic, now);
}
