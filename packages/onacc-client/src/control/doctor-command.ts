import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import { configuredAddresses } from '@portcullis/shared/probe';
import type { ProbeAddress } from '@portcullis/shared/probe';
import { checkCanaries } from '../doctor/canary-checks.js';
import { fail, formatCheck, ok, skip, warn } from '../doctor/check.js';
import type { Check, CheckLevel } from '../doctor/check.js';
import { checkClock, checkDaemon } from '../doctor/daemon-checks.js';
import { checkKernel } from '../doctor/kernel-checks.js';
import { checkListeners, findPermissionListeners } from '../doctor/listener-checks.js';
import { checkPlaces, checkTemporaryDirectory } from '../doctor/place-checks.js';
import { checkLimits, checkPrivileges } from '../doctor/process-checks.js';
import { parseFilesystemTypes } from '../policy/filesystem-policy.js';
import { userExclusion } from '../policy/screen.js';
import { resolveUsers } from '../resolve-users.js';
import { askClient } from './ask-client.js';
import type { ClientAnswer } from './ask-client.js';

/** What the doctor needs of the configuration. */
export type DoctorReading =
  | {
      readonly kind: 'read';
      readonly configPath: string;
      readonly config: Pick<ClamdConfig, 'listen' | 'onAccess' | 'process'>;
      /** ONACC_CONTROL_SOCKET and ONACC_INCLUDE_FILESYSTEMS. */
      readonly settings: { readonly controlSocket: string; readonly includeFilesystems: string | undefined };
      /** One line each, as at a start. */
      readonly warnings: readonly string[];
    }
  /** One line a problem, as at a start. */
  | { readonly kind: 'refused'; readonly lines: readonly string[] };

/** What the caller, `main.ts`, lends to the command. */
export interface DoctorIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** ONACC_CONTROL_SOCKET, for when the configuration cannot be read; undefined where that is not known either. */
  readonly controlSocket: string | undefined;
  /** Reads clamd.conf and the variables as a start would, complaining of nothing itself. */
  readonly readConfiguration: (flags: DoctorFlags) => Promise<DoctorReading>;
}

export interface DoctorFlags {
  readonly configFile: string | undefined;
  readonly envFile: string | undefined;
}

export const DOCTOR_HELP = `Usage: onacc-client doctor [-c FILE] [--env-file FILE] [--json] [--no-canary]

Looks at everything that protection on access needs, and says what to do. Changes nothing, but writes
a small file of its own into each protected directory, opens it and removes it again: a harmless one, and
past a running client the EICAR test file, which has to be refused. To that client it is a detection like any
other: --move, --copy and --remove act on it, and ONACC_ON_DETECTION runs. Takes root.

  -c, --config-file FILE  clamd.conf to go by
      --env-file FILE     file with ONACC_ variables
      --json              one JSON object a line instead of text
      --no-canary         write nothing
  -h, --help              this text

Exit code: 0 all is well, 1 there are warnings, 2 something has to be repaired (or wrong usage).
`;

type DoctorRequest =
  | {
      readonly kind: 'examine';
      readonly flags: DoctorFlags;
      readonly json: boolean;
      readonly canary: boolean;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly message: string };

const EXIT_CODES: Readonly<Record<CheckLevel, number>> = { ok: 0, skip: 0, warn: 1, fail: 2 };
/** `nobody`: who opens canaries where root is excluded. */
const SOMEBODY_UID = 65_534;

/**
 * `onacc-client doctor`. Sets no mark.
 *
 * @param args - behind the verb.
 * @returns the exit code: 0 all well, 1 warnings, 2 failures.
 */
export async function runDoctor(args: readonly string[], io: DoctorIo): Promise<number> {
  const request = parseDoctorArguments(args);
  if (request.kind === 'help') {
    io.stdout(DOCTOR_HELP);
    return 0;
  }
  if (request.kind === 'usage') {
    io.stderr(`onacc-client doctor: ${request.message}\n`);
    return EXIT_CODES.fail;
  }
  let exitCode = 0;
  const counts: Record<CheckLevel, number> = { ok: 0, skip: 0, warn: 0, fail: 0 };
  for await (const check of examine(request, io)) {
    counts[check.level] += 1;
    exitCode = Math.max(exitCode, EXIT_CODES[check.level]);
    io.stdout(request.json ? `${JSON.stringify(check)}\n` : formatCheck(check));
  }
  if (!request.json) {
    io.stdout(
      `${counts.fail} to repair, ${counts.warn} warnings, ${counts.ok} all right, ${counts.skip} skipped\n`,
    );
  }
  return exitCode;
}

/** One check after the other, so that whoever waits sees where it stays. */
async function* examine(
  request: Extract<DoctorRequest, { kind: 'examine' }>,
  io: DoctorIo,
): AsyncGenerator<Check> {
  const native = openNative();
  yield* checkKernel(native);
  yield* checkPrivileges(readProc);
  yield* checkLimits(readProc);
  const reading = await io.readConfiguration(request.flags);
  if (reading.kind === 'refused') {
    yield* reading.lines.map((line) =>
      fail(
        'configuration',
        withoutSeverity(line),
        'correct clamd.conf or the ONACC_ variable; onacc-client --check-config shows what holds',
      ),
    );
    yield* checkListeners(findPermissionListeners(), await clientPid(io.controlSocket));
    yield checkClock(undefined, Date.now());
    return;
  }
  const { config, configPath, settings } = reading;
  yield ok('configuration', configPath);
  yield* reading.warnings.map((line) => warn('configuration', withoutSeverity(line), `see ${configPath}`));
  const client = await askClient(settings.controlSocket);
  yield* checkClient(client);
  yield* checkListeners(
    findPermissionListeners(),
    client.kind === 'snapshot' ? client.snapshot.pid : undefined,
  );
  yield* await checkDaemon(native, config.listen, Date.now());
  const isLocal = configuredAddresses(config.listen).every(isOnThisMachine);
  yield await checkTemporaryDirectory(config.process.temporaryDirectory ?? '/tmp', isLocal);
  yield* examinePlaces(reading, client, request.canary);
}

async function* examinePlaces(
  { config, settings }: Extract<DoctorReading, { kind: 'read' }>,
  client: ClientAnswer,
  canary: boolean,
): AsyncGenerator<Check> {
  const configured = [...config.onAccess.includePaths, ...config.onAccess.mountPaths];
  // The client may have a watch list besides.
  const watched = client.kind === 'snapshot' ? client.snapshot.watch.roots.map(({ path }) => path) : [];
  const included = parseFilesystemTypes(settings.includeFilesystems);
  const { checks, usable } = await checkPlaces([...configured, ...watched], included);
  yield* checks;
  if (!canary) return;
  const opener = await whoOpens(config.onAccess);
  if (typeof opener === 'string') {
    yield skip('canary', opener);
    return;
  }
  for (const { path } of usable) {
    const running =
      client.kind === 'snapshot'
        ? { snapshot: client.snapshot, socketPath: settings.controlSocket }
        : undefined;
    yield* await checkCanaries({ directory: path, openAs: opener.uid, client: running });
  }
}

function checkClient(answer: ClientAnswer): Check[] {
  const topic = 'client';
  switch (answer.kind) {
    case 'notRunning':
      return [
        warn(
          topic,
          `is not running: ${answer.reason}`,
          'start it: sudo onacc-client (systemctl start onacc-client)',
        ),
      ];
    case 'failed':
      return [
        warn(
          topic,
          `cannot be asked: ${answer.reason}`,
          'run the doctor as root; if the client hangs, its log says why',
        ),
      ];
    case 'snapshot': {
      const { state, pid, degraded } = answer.snapshot;
      return [
        ok(topic, `runs (pid ${pid}): ${state}`),
        ...degraded.map((reason) => warn(topic, reason, 'see the lines below, and `onacc-client status`')),
      ];
    }
  }
}

/** The opens of excluded users are let through, so somebody else has to open the canary. */
async function whoOpens(onAccess: ClamdConfig['onAccess']): Promise<{ uid: number | undefined } | string> {
  let uids: readonly number[];
  try {
    const unameUids = await resolveUsers(onAccess.excludeUnames);
    const { excludeUids, excludeRootUid } = onAccess;
    uids = userExclusion({ excludeUids, unameUids, excludeRoot: excludeRootUid }).uids;
  } catch (error) {
    return messageOf(error);
  }
  const own = process.geteuid?.() ?? 0;
  if (!uids.includes(own)) return { uid: undefined };
  if (own === 0 && !uids.includes(SOMEBODY_UID)) return { uid: SOMEBODY_UID };
  return 'whoever could open it here is excluded (OnAccessExcludeUID, …Uname, …RootUID)';
}

async function clientPid(controlSocket: string | undefined): Promise<number | undefined> {
  if (controlSocket === undefined) return undefined;
  const answer = await askClient(controlSocket);
  return answer.kind === 'snapshot' ? answer.snapshot.pid : undefined;
}

function isOnThisMachine(address: ProbeAddress): boolean {
  return address.kind === 'unix' || /^(?:127\.|::1$|localhost$)/.test(address.host);
}

/** Our own word for it stands in front already. */
function withoutSeverity(line: string): string {
  return line.replace(/^(?:ERROR|WARNING): /, '');
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function parseDoctorArguments(args: readonly string[]): DoctorRequest {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        'config-file': { type: 'string', short: 'c' },
        'env-file': { type: 'string' },
        json: { type: 'boolean', default: false },
        'no-canary': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const flags = { configFile: values['config-file'], envFile: values['env-file'] };
    return { kind: 'examine', flags, json: values.json, canary: !values['no-canary'] };
  } catch (error) {
    return { kind: 'usage', message: messageOf(error) };
  }
}
