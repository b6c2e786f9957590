import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { constants, openNative } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { TreeWatcher } from '../../src/watch/watch-tree.js';

const { FAN_CLASS_NOTIF, FAN_CLOEXEC, FAN_NONBLOCK, FAN_CLOSE_WRITE } = constants;
const native = openNative();

/** The inodes that a group has marked, as the kernel lists them (proc(5), fdinfo). */
function markedInodes(group: number): Set<number> {
  const lines = readFileSync(`/proc/self/fdinfo/${group}`, 'latin1').matchAll(/^fanotify ino:([0-9a-f]+)/gm);
  return new Set(Array.from(lines, (line) => parseInt(line[1] ?? '', 16)));
}

/** Every directory at and below the path. */
function directoriesIn(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [path, ...entries.flatMap((entry) => directoriesIn(join(path, entry.name)))];
}

/** For another process: makes, renames and removes directories below argv[1], at random from the seed argv[2]. */
const CHURN = `
  const fs = require('node:fs'); const [, root, seed, away] = process.argv; let state = Number(seed);
  const pick = (max) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0, (state >>> 8) % max);
  const below = (path) => { const parts = [path]; for (let d = pick(4); d > 0; d -= 1) parts.push('n' + pick(4)); return parts.join('/'); };
  const endMs = Date.now() + 1500;
  while (Date.now() < endMs) {
    try {
      switch (pick(8)) {
        case 0: case 1: case 2: fs.mkdirSync(below(root), { recursive: true }); break;
        case 3: case 4: fs.renameSync(below(root), below(root)); break;
        case 5: fs.rmSync(below(root + '/n' + pick(4)), { recursive: true }); break;
        case 6: fs.renameSync(below(root + '/n' + pick(4)), away + '/a' + pick(4)); break;
        case 7: fs.renameSync(away + '/a' + pick(4), below(root + '/n' + pick(4))); break;
      }
    } catch {}
  }
`;

/** Waits until the condition holds; the tests have nothing else to wait for than the event loop. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`still not so after 5 s: ${what}`);
    await delay(5);
  }
}

describeIfFanotify('TreeWatcher under load', () => {
  let inside: TempDir;
  let outside: TempDir;
  let group: number;
  let watcher: TreeWatcher;

  beforeEach(() => {
    inside = makeTempDir('watch-in-');
    outside = makeTempDir('watch-out-');
    group = native.fanotify.createGroup(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, 0);
    const targets = [{ group, mask: FAN_CLOSE_WRITE }];
    watcher = new TreeWatcher({ native, roots: [inside.path], targets, onIssue: () => undefined });
  });

  afterEach(() => {
    watcher.stop();
    native.files.close(group);
    inside.remove();
    outside.remove();
  });

  test('after another process made, renamed, moved and removed directories at random, all that is left is marked', async () => {
    await watcher.start();
    const seed = Date.now() % 1_000_000;
    const churn = spawn(process.execPath, ['-e', CHURN, inside.path, String(seed), outside.path]);
    await once(churn, 'exit');
    const left = directoriesIn(inside.path);
    await until(() => watcher.coverage().directories === left.length, `${left.length} known, seed ${seed}`);
    const marked = markedInodes(group);
    expect(left.filter((path) => !marked.has(lstatSync(path).ino))).toEqual([]);
    // Printed, since with an overflow the agreement would be the work of a resync.
    const { overflows, strayed } = watcher.coverage();
    process.stdout.write(
      `churn, seed ${seed}: ${left.length} left, ${strayed} strayed, ${overflows} overflows\n`,
    );
  });

  test('finds the subdirectories of a directory that is too large to read at once', async () => {
    for (let index = 0; index < 3_000; index += 1) {
      writeFileSync(join(inside.path, `a-file-with-a-rather-long-name-${index}`), '');
      if (index % 100 === 0) mkdirSync(join(inside.path, `directory-${index}`));
    }
    expect(lstatSync(inside.path).size).toBeGreaterThan(65_536);
    await watcher.start();
    expect(watcher.coverage().directories).toBe(31);
  });

  test('walks 2,000 directories', async () => {
    for (let outer = 0; outer < 40; outer += 1) {
      for (let inner = 0; inner < 49; inner += 1)
        mkdirSync(join(inside.path, `o${outer}`, `i${inner}`), { recursive: true });
    }
    const startedAtMs = performance.now();
    await watcher.start();
    const walkMs = performance.now() - startedAtMs;
    const again = performance.now();
    await watcher.resync();
    process.stdout.write(
      `2,001 directories: walk ${walkMs.toFixed(0)} ms, resync ${(performance.now() - again).toFixed(0)} ms\n`,
    );
    expect(watcher.coverage()).toMatchObject({ directories: 2_001, roots: [{ state: 'protected' }] });
    expect(walkMs).toBeLessThan(5_000);
  });
});
