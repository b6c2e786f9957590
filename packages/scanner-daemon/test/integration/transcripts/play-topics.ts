import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openNative } from '@portcullis/shared/native';
import { createSite } from '../daemon-process.js';
import { CONF_NAMES, confVariant } from './conf-variants.js';
import type { ConfName } from './conf-variants.js';
import { converse } from './converse.js';
import type { Conversation } from './converse.js';
import { openFds } from './open-fds.js';
import type { Outcome, Script } from './script.js';
import type { ServedDaemon, ServeSite } from './served-daemon.js';
import { buildTree } from './tree.js';

/** How scripts are played. */
export interface PlayOptions {
  readonly serve: ServeSite;
  /** Whether the daemon is ours and knows directives that clamd 1.4.6 does not. */
  readonly isOurs: boolean;
  /** Every script is played so often. */
  readonly times: number;
  /** What shall come; unset while recording. */
  readonly expected?: (script: Script) => Outcome | undefined;
}

const STEP_PAUSE_MS = 120;
/** For the second try of a script that did not give what it should: this machine may have been busy. */
const PATIENT_STEP_PAUSE_MS = 1000;
const EXIT_MAX_MS = 10_000;
const STILL_RUNNING_MS = 500;
const DAEMONS_AT_A_TIME = 3;
const SCRIPTS_AT_A_TIME = 8;

/** Why a script cannot be played on this machine, undefined when it can. */
export function whyNotHere(script: Script): string | undefined {
  if (confVariant(script.conf).needsRoot === true) {
    if (process.getuid?.() !== 0) return 'not root';
    if (!nobodyCanRunUs()) return 'nobody cannot read the files of this checkout';
  }
  const needsPython = script.steps.some(
    (step) => typeof step === 'object' && step.kind === 'fds' && step.fds.length > 1,
  );
  return needsPython && !hasPython() ? 'no python3 to pass several descriptors with' : undefined;
}

/** Plays the scripts, each against a daemon with the clamd.conf it asks for. @returns what came of each time. */
export async function play(
  scripts: readonly Script[],
  options: PlayOptions,
): Promise<Map<Script, readonly Outcome[]>> {
  const outcomes = new Map<Script, readonly Outcome[]>();
  const playable = scripts.filter((script) => whyNotHere(script) === undefined);
  const groups = [
    ...CONF_NAMES.map((conf) => playable.filter((script) => script.conf === conf && !script.endsDaemon)),
    ...playable.filter(({ endsDaemon }) => endsDaemon).map((script) => [script]),
  ].filter((group) => group.length > 0);
  await eachOf(groups, DAEMONS_AT_A_TIME, async (group) => {
    const [first] = group;
    if (first === undefined) return;
    if (first.endsDaemon)
      outcomes.set(first, await repeated(options.times, () => playToItsEnd(first, options)));
    else for (const [script, heard] of await playGroup(group, options)) outcomes.set(script, heard);
  });
  return outcomes;
}

async function playGroup(
  group: readonly Script[],
  options: PlayOptions,
): Promise<Map<Script, readonly Outcome[]>> {
  const outcomes = new Map<Script, readonly Outcome[]>();
  await withDaemon(group[0]?.conf ?? 'plain', options, async (talk) => {
    const playOne = async (script: Script): Promise<void> => {
      outcomes.set(script, await repeated(options.times, () => playPatiently(script, talk, options)));
    };
    await eachOf(
      group.filter(({ alone }) => !alone),
      SCRIPTS_AT_A_TIME,
      playOne,
    );
    await eachOf(
      group.filter(({ alone }) => alone),
      1,
      playOne,
    );
  });
  return outcomes;
}

async function playPatiently(
  script: Script,
  talk: Conversation,
  { expected: expectedOf }: PlayOptions,
): Promise<Outcome> {
  const expected = expectedOf?.(script);
  const outcome = await converse(script, { ...talk, expected });
  if (expected === undefined || isAsExpected(outcome, expected)) return outcome;
  return await converse(script, { ...talk, expected, stepPauseMs: PATIENT_STEP_PAUSE_MS });
}

/** Whether a client sees a reset of clamd or an end in order may depend on what it has read by then. */
export function isAsExpected(outcome: Outcome, expected: Outcome): boolean {
  const endings: readonly string[] = expected.ended.includes('reset') ? ['eof', 'reset'] : [expected.ended];
  return (
    outcome.received === expected.received &&
    endings.includes(outcome.ended) &&
    outcome.exitCode === expected.exitCode
  );
}

async function playToItsEnd(script: Script, options: PlayOptions): Promise<Outcome> {
  return await withDaemon(script.conf, options, async (talk, daemon) => {
    const expected = options.expected?.(script);
    const outcome = await converse(script, { ...talk, expected });
    const patienceMs = expected?.exitCode === 'running' ? STILL_RUNNING_MS : EXIT_MAX_MS;
    const running = setTimeout(patienceMs, 'running' as const, { ref: false });
    return {
      ...outcome,
      exitCode: await Promise.race([daemon.exitCode, running]),
    };
  });
}

async function withDaemon<T>(
  conf: ConfName,
  options: PlayOptions,
  use: (talk: Conversation, daemon: ServedDaemon) => Promise<T>,
): Promise<T> {
  const { lines, oursOnly = [], ourSettings = {} } = confVariant(conf);
  const site = await createSite([...lines, ...(options.isOurs ? oursOnly : [])]);
  const native = openNative();
  const closeTree = buildTree(site);
  const fds = openFds(site, native);
  try {
    const daemon = await options.serve(site, ourSettings);
    try {
      return await use({ site, native, fds, stepPauseMs: STEP_PAUSE_MS }, daemon);
    } finally {
      await daemon.stop();
    }
  } finally {
    fds.close();
    closeTree();
    site.remove();
  }
}

async function repeated<T>(times: number, run: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let at = 0; at < times; at += 1) results.push(await run());
  return results;
}

/** Works through a list with so many at a time. */
async function eachOf<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items];
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  const lanes = await Promise.allSettled(Array.from({ length: atATime }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}

let nobodyCan: boolean | undefined;

/** The daemon loads its scan threads after it has become `User`. */
function nobodyCanRunUs(): boolean {
  nobodyCan ??=
    spawnSync('test', ['-r', fileURLToPath(import.meta.url)], { uid: 65_534, gid: 65_534 }).status === 0;
  return nobodyCan;
}

let pythonIsThere: boolean | undefined;

function hasPython(): boolean {
  pythonIsThere ??= spawnSync('python3', ['--version']).error === undefined;
  return pythonIsThere;
}
