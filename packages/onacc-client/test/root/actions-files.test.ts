import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import type { ActionReport } from '../../src/actions/judged-file.js';
import { openFds } from '../pair-fixture.js';
import { ActionsFixture } from './actions-fixture.js';

jest.setTimeout(60_000);

const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

let at: ActionsFixture;
beforeEach(() => {
  at = new ActionsFixture();
});
afterEach(async () => {
  await at.remove();
});

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(isTrue()).toBe(true);
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

describeOrSkip('--move', notRoot, () => {
  test('moves the file into the quarantine, locks it up and keeps a record of it', async () => {
    const path = at.write('eicar.com', 'bad', 0o755).toString();
    chownSync(path, 1234, 2345);
    utimesSync(path, 1_600_000_000, 1_500_000_000);
    const inode = statSync(path).ino;
    expect(await at.once('move', path)).toEqual({
      kind: 'done',
      text: `${path}: moved to '${at.quarantine}/eicar.com'`,
      file: 'eicar.com',
      sha256: sha256('bad'),
      otherNames: 0,
    });
    expect(existsSync(path)).toBe(false);
    const { mode, uid, gid, ino, nlink } = statSync(`${at.quarantine}/eicar.com`);
    expect({ mode: mode & 0o7777, uid, gid, ino, nlink }).toEqual({
      mode: 0o400,
      uid: 0,
      gid: 0,
      ino: inode,
      nlink: 1,
    });
    expect(at.record('eicar.com')).toMatchObject({
      ...{ action: 'move', uid: 1234, gid: 2345, mode: 0o755, sizeBytes: 3, links: 1, sha256: sha256('bad') },
      ...{ path: Buffer.from(path), mtimeNs: 1_500_000_000_000_000_000n, signatureName: 'Test.Eicar' },
      opener: { pid: 1, uid: 1000, executable: '/bin/cat' },
    });
    expect(at.records()).toEqual(['eicar.com.json']);
    expect(statSync(`${at.quarantine}/.portcullis`).mode & 0o777).toBe(0o700);
  });

  test('names that clash get .001, .002, and what lies there already stays as it is', async () => {
    writeFileSync(`${at.quarantine}/x`, 'of clamonacc');
    for (const content of ['first', 'second']) await at.once('move', at.write('x', content));
    expect(at.quarantined().sort()).toEqual(['x', 'x.001', 'x.002']);
    expect(readFileSync(`${at.quarantine}/x`, 'utf8')).toBe('of clamonacc');
    expect(readFileSync(`${at.quarantine}/x.002`, 'utf8')).toBe('second');
  });

  test('after .999 the file stays where it is, and that is told', async () => {
    for (const name of [
      'x',
      ...Array.from({ length: 999 }, (_, n) => `x.${String(n + 1).padStart(3, '0')}`),
    ]) {
      writeFileSync(`${at.quarantine}/${name}`, '');
    }
    const path = at.write('x');
    expect(await at.once('move', path)).toMatchObject({
      ...{ kind: 'failed', code: 'NAMES_EXHAUSTED' },
      text: `Can't move file '${path.toString()}' to '${at.quarantine}'`,
    });
    expect(existsSync(path)).toBe(true);
    expect(at.records()).toEqual([]);
  });

  test('a name that is no UTF-8, or has control characters, is kept in the record byte for byte', async () => {
    const name = Buffer.from([0x61, 0xff, 0x0a, 0x1b, 0x62]);
    const path = at.write(name, 'odd');
    const result = await at.once('move', path);
    expect(result).toMatchObject({ kind: 'done', file: 'a___b' });
    expect(result).toMatchObject({ text: `${at.tree}/a\\xff\\n\\x1bb: moved to '${at.quarantine}/a___b'` });
    expect(at.record('a___b').path).toEqual(path);
    expect(existsSync(path)).toBe(false);
  });

  test('a name of 255 bytes and names that are ours find a place', async () => {
    for (const name of ['x'.repeat(255), '.portcullis', `.incoming-${'0'.repeat(32)}`]) {
      expect(await at.once('move', at.write(name))).toMatchObject({ kind: 'done' });
    }
    expect(at.quarantined().sort()).toEqual([
      `_.incoming-${'0'.repeat(32)}`,
      '_.portcullis',
      'x'.repeat(200),
    ]);
  });

  test('a file that was renamed since is moved from where it is now, and both paths are told', async () => {
    const path = at.write('before').toString();
    const judged = at.judged(path);
    mkdirSync(at.path('elsewhere'));
    renameSync(path, at.path('elsewhere/after'));
    const now = at.path('elsewhere/after');
    expect(await at.actions('move').act(judged)).toMatchObject({
      text: `${path} (real path: '${now}'): moved to '${at.quarantine}/after'`,
    });
    expect(at.record('after').path.toString()).toBe(now);
  });

  test('a file that took the name meanwhile stays, and the judged one is found by no name of its own', async () => {
    const path = at.write('x', 'infected').toString();
    const judged = at.judged(path);
    unlinkSync(path);
    writeFileSync(path, 'clean');
    expect(await at.actions('move').act(judged)).toEqual({ kind: 'alreadyDone' });
    expect(readFileSync(path, 'utf8')).toBe('clean');
    expect(at.quarantined()).toEqual([]);
    expect(at.reports).toEqual([]);
  });

  test('of a file with several names the one goes, the others stay as they are, and that is told', async () => {
    const path = at.write('one', 'bad', 0o640);
    linkSync(path, at.path('two'));
    chownSync(path, 1234, 1234);
    expect(await at.once('move', path)).toMatchObject({ kind: 'done', otherNames: 1 });
    expect(existsSync(path)).toBe(false);
    const { mode, uid, nlink } = statSync(at.path('two'));
    expect({ mode: mode & 0o777, uid, nlink }).toEqual({ mode: 0o640, uid: 1234, nlink: 1 });
    expect(statSync(`${at.quarantine}/one`).mode & 0o7777).toBe(0o400);
    expect(at.record('one')).toMatchObject({ links: 2, uid: 1234, mode: 0o640 });
    expect(await at.once('move', at.path('two'))).toMatchObject({ kind: 'done', otherNames: 0 });
  });

  test('to another filesystem the content goes, is checked, and the name is removed', async () => {
    at.mountTmpfs(at.quarantine);
    const content = 'x'.repeat(1_000_000);
    const path = at.write('big', content, 0o755).toString();
    expect(await at.once('move', path)).toMatchObject({
      kind: 'done',
      sha256: sha256(content),
      otherNames: 0,
    });
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(at.tree)).toEqual([]);
    expect(readFileSync(`${at.quarantine}/big`, 'utf8')).toBe(content);
    expect(statSync(`${at.quarantine}/big`).mode & 0o7777).toBe(0o400);
    expect(at.record('big')).toMatchObject({ mode: 0o755, sizeBytes: 1_000_000 });
  });

  test('a full quarantine leaves the file where it was, and nothing behind', async () => {
    at.mountTmpfs(at.quarantine, 'size=256k');
    const path = at.write('big', 'x'.repeat(1_000_000)).toString();
    expect(await at.once('move', path)).toMatchObject({
      ...{ kind: 'failed', code: 'ENOSPC', reason: 'no space left (ENOSPC)' },
      text: `Can't move file '${path}' to '${at.quarantine}'`,
    });
    expect(readFileSync(path).length).toBe(1_000_000);
    expect([...at.quarantined(), ...at.records()]).toEqual([]);
  });

  test('a read-only filesystem leaves the file where it was, and nothing behind', async () => {
    at.mountTmpfs(at.tree);
    const path = at.write('x', 'bad').toString();
    execFileSync('mount', ['-o', 'remount,ro', at.tree]);
    expect(await at.once('move', path)).toMatchObject({ kind: 'failed', code: 'EROFS' });
    expect(await at.once('remove', path)).toMatchObject({ kind: 'failed', code: 'EROFS' });
    expect(readFileSync(path, 'utf8')).toBe('bad');
    expect([...at.quarantined(), ...at.records()]).toEqual([]);
  });

  test('an immutable file stays where it is, with its owner and mode', async () => {
    const path = at.write('x', 'bad', 0o755).toString();
    chownSync(path, 1234, 1234);
    try {
      execFileSync('chattr', ['+i', path], { stdio: 'ignore' });
    } catch {
      return; // no such attribute on this filesystem
    }
    try {
      expect(await at.once('move', path)).toMatchObject({ kind: 'failed', code: 'EPERM' });
      expect(await at.once('remove', path)).toMatchObject({ kind: 'failed', code: 'EPERM' });
      const { mode, uid } = statSync(path);
      expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o755, uid: 1234 });
      expect([...at.quarantined(), ...at.records(), ...readdirSync(at.tree)]).toEqual(['x']);
    } finally {
      execFileSync('chattr', ['-i', path]);
    }
  });

  test('a file that another mount hides is left alone, as is the one on top', async () => {
    mkdirSync(at.path('d'));
    const path = at.write('d/x', 'infected').toString();
    const judged = at.judged(path);
    at.mountTmpfs(at.path('d'));
    writeFileSync(path, 'clean');
    expect(await at.actions('move').act(judged)).toMatchObject({ kind: 'failed', code: 'UNREACHABLE' });
    expect(readFileSync(path, 'utf8')).toBe('clean');
  });

  test('a quarantine that is gone, or that others may write to, is not used', async () => {
    const path = at.write('x');
    chmodSync(at.quarantine, 0o777);
    expect(await at.once('move', path)).toMatchObject({
      ...{ kind: 'failed', code: 'QUARANTINE_UNAVAILABLE' },
      text: `Can't move file '${path.toString()}': quarantine destination '${at.quarantine}' is unavailable`,
    });
    chmodSync(at.quarantine, 0o700);
    renameSync(at.quarantine, `${at.quarantine}.away`);
    expect(await at.once('move', path)).toMatchObject({ code: 'QUARANTINE_UNAVAILABLE' });
    expect(existsSync(path)).toBe(true);
  });

  test('ten processes that open one file make one action, one line and no noise', async () => {
    const path = at.write('x').toString();
    const actions = at.actions('move');
    await actions.act(at.judged(at.write('before')));
    const before = openFds(process.pid);
    const results = await Promise.all(Array.from({ length: 10 }, () => actions.act(at.judged(path))));
    expect(results.map(({ kind }) => kind).sort()).toEqual([...Array<string>(9).fill('alreadyDone'), 'done']);
    expect(at.reports).toHaveLength(2);
    expect([at.quarantined().sort(), at.closedCount]).toEqual([['before', 'x'], 11]);
    expect(openFds(process.pid)).toBeLessThanOrEqual(before);
  });
});

describeOrSkip('--copy', notRoot, () => {
  test('copies content alone, once a version, and leaves the file as it is', async () => {
    const path = at.write('x', 'bad', 0o6755).toString();
    chmodSync(path, 0o6755);
    const actions = at.actions('copy');
    expect(await actions.act(at.judged(path))).toMatchObject({
      text: `${path}: copied to '${at.quarantine}/x'`,
    });
    expect(await actions.act(at.judged(path))).toEqual({ kind: 'alreadyDone' });
    expect([statSync(path).mode & 0o7777, statSync(`${at.quarantine}/x`).mode & 0o7777]).toEqual([
      0o6755, 0o400,
    ]);
    writeFileSync(path, 'worse');
    expect(await actions.act(at.judged(path))).toMatchObject({ file: 'x.001' });
    expect(at.record('x')).toMatchObject({ action: 'copy', mode: 0o6755 });
  });
});

describeOrSkip('--remove', notRoot, () => {
  test('removes the name and says so in clamonacc’s words', async () => {
    const path = at.write('x').toString();
    expect(await at.once('remove', path)).toMatchObject({
      kind: 'done',
      text: `${path}: Removed.`,
      file: undefined,
    });
    expect(readdirSync(at.tree)).toEqual([]);
  });

  test('ten opens of one file with two names: one action, and the other name is told and stays', async () => {
    const path = at.write('x').toString();
    linkSync(path, at.path('y'));
    const actions = at.actions('remove');
    const results = await Promise.all(Array.from({ length: 10 }, () => actions.act(at.judged(path))));
    expect(results.filter(({ kind }) => kind === 'done')).toMatchObject([{ otherNames: 1 }]);
    expect(at.reports).toHaveLength(1);
    expect(readdirSync(at.tree)).toEqual(['y']);
  });

  test('a name with control characters is cleaned in what is told', async () => {
    const result = await at.once('remove', at.write('a\u001b[2J\nb'));
    expect(result).toMatchObject({ kind: 'done', text: `${at.tree}/a\\x1b[2J\\nb: Removed.` });
  });
});

describeOrSkip('the queue of actions', notRoot, () => {
  test('more than may wait are skipped and told, and every descriptor is closed once', async () => {
    const actions = at.actions('move', { waitingMax: 4 });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => actions.act(at.judged(at.write(`f${n}`)))),
    );
    const skipped = results.filter((result) => result.kind === 'skipped');
    expect(skipped.length).toBe(15);
    expect(at.reports).toHaveLength(20);
    expect(at.closedCount).toBe(20);
    expect(readdirSync(at.tree)).toHaveLength(15);
  });

  test('stop lets the one in hand end, skips the rest, and takes no more', async () => {
    const actions = at.actions('remove');
    const results = Array.from({ length: 5 }, (_, n) => actions.act(at.judged(at.write(`f${n}`))));
    await actions.stop();
    const kinds = (await Promise.all(results)).map(({ kind }) => kind);
    expect(kinds).toEqual(['done', 'skipped', 'skipped', 'skipped', 'skipped']);
    expect(await actions.act(at.judged(at.path('f4')))).toMatchObject({
      kind: 'skipped',
      reason: 'stopping',
    });
    expect(at.closedCount).toBe(6);
  });

  test('stop ends the copying of a huge file, which stays where it is', async () => {
    at.mountTmpfs(at.quarantine, 'size=64m');
    const path = at.write('huge').toString();
    truncateSync(path, 200_000_000_000);
    const actions = at.actions('move');
    const result = actions.act(at.judged(path));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const startedMs = performance.now();
    await actions.stop();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(await result).toMatchObject({ kind: 'failed', code: 'TIME_LIMIT' });
    expect(existsSync(path)).toBe(true);
    expect([...at.quarantined(), ...at.records()]).toEqual([]);
  });

  test('without a descriptor the action is told as skipped', async () => {
    const judged = { ...at.judged(at.write('x')), fd: -1 };
    expect(await at.actions('move').act(judged)).toMatchObject({ kind: 'skipped', reason: 'noDescriptor' });
    expect(at.reports).toHaveLength(1);
  });

  test('with no action the descriptor is closed and nothing is told', async () => {
    await at.once('none', at.write('x'));
    expect([at.closedCount, at.reports.length]).toEqual([1, 0]);
  });

  test('one whose thread hangs is told at once, others go on, and its end is told when it comes', async () => {
    const path = at.write('big').toString();
    truncateSync(path, 1_500_000_000);
    // Given up after 100 ms, as if a filesystem hung.
    const actions = at.actions('move', { timeLimitMs: 40_000, hangGraceMs: -39_900 });
    const judged = at.judged(path);
    expect(await actions.act(judged)).toMatchObject({ kind: 'failed', code: 'TIME_LIMIT' });
    expect(at.closedCount).toBe(0);
    expect(await actions.act(at.judged(at.write('other')))).toMatchObject({
      kind: expect.stringMatching(/done|failed/),
    });
    const late = (): ActionReport | undefined =>
      at.reports.find((report) => report.isLate && report.path === path);
    await until(() => late() !== undefined);
    expect(late()).toMatchObject({ result: { kind: 'done', file: 'big' } });
    expect(() => fstatSync(judged.fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('one that takes longer than it may is ended, and the file stays', async () => {
    at.mountTmpfs(at.quarantine);
    const path = at.write('x', 'x'.repeat(3_000_000));
    const actions = at.actions('move', { timeLimitMs: -1, hangGraceMs: 20_000 });
    expect(await actions.act(at.judged(path))).toMatchObject({ kind: 'failed', code: 'TIME_LIMIT' });
    expect(existsSync(path)).toBe(true);
    expect([...at.quarantined(), ...at.records()]).toEqual([]);
  });
});
