import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { isErrno } from '@portcullis/shared/native';
import { describeOrSkip } from '@portcullis/shared/testing';
import { openPlace } from '../../src/actions/entry.js';
import type { ActionResult } from '../../src/actions/judged-file.js';
import { ActionPerformer } from '../../src/actions/perform-action.js';
import { whyNot } from '../pair-fixture.js';
import { ActionsFixture } from './actions-fixture.js';

jest.setTimeout(120_000);

const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
const noPython = notRoot ?? (await whyNot('python3'));
const ROUNDS = { move: 150, remove: 400 } as const;
const LOOP_SECONDS = 100;
const NO_DEADLINE = { atMs: Number.POSITIVE_INFINITY, nowMs: () => 0 };

let at: ActionsFixture;
let taken: number;
beforeEach(() => {
  at = new ActionsFixture();
  taken = 0;
  mkdirSync(`${at.tree}.made`);
  mkdirSync(`${at.tree}.left`);
});
afterEach(async () => {
  await at.remove();
});

/** Puts a new file where somebody else is busy; gives back a descriptor of it. */
function place(name: string, content: string): number {
  const made = at.write(`../tree.made/${name}`, content, 0o640).toString();
  const fd = openSync(made, 'r');
  const [from, to] = [openPlace(`${at.tree}.made`), openPlace(at.tree)];
  try {
    while (!isRenamed(from, to, name)) continue;
  } finally {
    closeSync(from);
    closeSync(to);
  }
  return fd;
}

/** Replaces nothing: the other one may have that name just now. */
function isRenamed(from: number, to: number, name: string): boolean {
  try {
    at.native.files.renameNoReplace(from, name, to, name);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Takes everything out of the tree, whatever it is called just now, and says what it held. */
function takeAll(): string[] {
  const contents = [];
  for (let quietTimes = 0; quietTimes < 5;) {
    const names = readdirSync(at.tree);
    quietTimes = names.length === 0 ? quietTimes + 1 : 0;
    for (const name of names) {
      const to = `${at.tree}.left/${(taken += 1)}`;
      try {
        renameSync(at.path(name), to);
      } catch {
        continue; // it has another name by now
      }
      expect(statSync(to).mode & 0o777).toBe(0o640);
      contents.push(readFileSync(to, 'utf8'));
    }
  }
  return contents.sort();
}

function performer(kind: 'move' | 'remove'): (fd: number) => ActionResult {
  const action = kind === 'move' ? { kind, directory: at.quarantine } : { kind };
  const one = new ActionPerformer(action, at.native.files);
  return (fd) => {
    try {
      return one.perform({ ...at.judged('/dev/null'), fd }, NO_DEADLINE);
    } finally {
      closeSync(fd);
    }
  };
}

function contentsOfQuarantine(): Set<string> {
  return new Set(at.quarantined().map((name) => readFileSync(`${at.quarantine}/${name}`, 'utf8')));
}

describeOrSkip('somebody who works against an action', noPython, () => {
  test.each(['move', 'remove'] as const)(
    'puts a clean file in its place in a loop: %s takes the judged one or none',
    async (kind) => {
      await at.swapInALoop(LOOP_SECONDS);
      const perform = performer(kind);
      let done = 0;
      for (let round = 0; round < ROUNDS[kind]; round += 1) {
        const fd = place('victim', 'infected');
        closeSync(place('clean', 'clean'));
        const isDone = perform(fd).kind === 'done';
        expect(takeAll()).toEqual(isDone ? ['clean'] : ['clean', 'infected']);
        if (isDone) done += 1;
      }
      expect(done).toBeGreaterThan(ROUNDS[kind] / 4);
      if (kind === 'move') expect(contentsOfQuarantine()).toEqual(new Set(['infected']));
    },
  );

  test.each(['move', 'remove'] as const)(
    'renames the file in a loop: %s takes it or leaves it',
    async (kind) => {
      await at.renameInALoop(at.path('x'), at.path('y'), LOOP_SECONDS);
      const perform = performer(kind);
      let done = 0;
      for (let round = 0; round < ROUNDS[kind]; round += 1) {
        const isDone = perform(place('x', 'infected')).kind === 'done';
        expect(takeAll()).toEqual(isDone ? [] : ['infected']);
        if (isDone) done += 1;
      }
      expect(done).toBeGreaterThan(ROUNDS[kind] / 4);
      if (kind === 'move') expect([at.quarantined().length, at.records().length]).toEqual([done, done]);
    },
  );

  test('puts a symbolic link in the place of the directory in a loop: nothing where it leads is touched', async () => {
    const [directory, other] = [at.path('d'), at.path('other')];
    mkdirSync(directory);
    mkdirSync(other);
    at.write('other/x', 'root’s own');
    await at.linkInALoop(directory, other, LOOP_SECONDS);
    const perform = { move: performer('move'), remove: performer('remove') };
    let done = 0;
    for (let round = 0; round < ROUNDS.move; round += 1) {
      const made = at.write('../tree.made/x', 'infected').toString();
      const fd = openSync(made, 'r');
      // Not through the link: that would be the test's own mistake.
      while (!isPlaced(made)) continue;
      if (perform[round % 2 === 0 ? 'move' : 'remove'](fd).kind === 'done') done += 1;
      expect(readFileSync(`${other}/x`, 'utf8')).toBe('root’s own');
      expect(readdirSync(other)).toEqual(['x']);
    }
    expect(done).toBeGreaterThan(0);
    expect(contentsOfQuarantine()).toEqual(new Set(['infected']));
  });

  /** Renames into the directory by a name that is never a link: the one it has while it is away. */
  function isPlaced(made: string): boolean {
    try {
      renameSync(made, at.path('d.away/x'));
    } catch {
      // it is not away just now
    }
    return !existsSync(made);
  }
});
