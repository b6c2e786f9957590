import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import { BackgroundScanner } from './background-scanner.js';
import type { BackgroundDetection, BackgroundScannerOptions } from './background-scanner.js';
import type { FileOutcome } from './file-observer.js';
import { walkFiles } from './walk-files.js';

const WAIT_MAX_MS = 15_000;
// Longer than all that a test may wait for, one after the other.
jest.setTimeout(60_000);

describe('BackgroundScanner', () => {
  let native: NativeApi;
  let directory: TempDir;
  let root: string;
  let daemon: ScriptedDaemon | undefined;
  let scanners: BackgroundScanner[];
  let detections: BackgroundDetection[];
  let issues: string[];

  function startDaemon(): ScriptedDaemon {
    daemon = new ScriptedDaemon(native, `${directory.path}/s`, (content) => {
      if (content.includes('EVIL')) return { found: 'Test.Evil' };
      return content.includes('HANG') ? 'silence' : 'OK';
    });
    return daemon;
  }

  function createScanner(changes: Partial<BackgroundScannerOptions> = {}): BackgroundScanner {
    const scanner = new BackgroundScanner({
      native,
      link: {
        endpoint: { kind: 'unix', path: `${directory.path}/s` },
        transfer: 'descriptor',
        connectMaxMs: 1_000,
        streamMaxBytes: 1_000_000,
        nowMs: () => performance.now(),
      },
      fileMaxBytes: 100_000,
      handsOver: false,
      onDetection: (detection) => detections.push(detection),
      onIssue: (path, issue) => issues.push(`${issue} ${path.slice(root.length + 1)}`),
      ...changes,
    });
    scanners.push(scanner);
    return scanner;
  }

  async function until(isMet: () => boolean): Promise<void> {
    const giveUpAtMs = performance.now() + WAIT_MAX_MS;
    while (!isMet()) {
      if (performance.now() > giveUpAtMs) throw new Error('waited in vain');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const openFds = (): number => readdirSync('/proc/self/fd').length;

  beforeEach(() => {
    native = openNative();
    directory = makeTempDir('background-');
    root = `${directory.path}/tree`;
    mkdirSync(root);
    [scanners, detections, issues] = [[], [], []];
  });

  afterEach(async () => {
    for (const scanner of scanners) await scanner.stop();
    daemon?.close();
    daemon = undefined;
    directory.remove();
  });

  test.each(['descriptor', 'stream'] as const)('finds what lies in a new tree (%s)', async (transfer) => {
    startDaemon();
    mkdirSync(`${root}/a/b/c`, { recursive: true });
    for (let index = 0; index < 30; index += 1) writeFileSync(`${root}/a/f${index}`, `clean ${index}`);
    writeFileSync(`${root}/a/b/c/bad`, 'EVIL');
    const scanner = createScanner({
      link: {
        endpoint: { kind: 'unix', path: `${directory.path}/s` },
        transfer,
        connectMaxMs: 1_000,
        streamMaxBytes: 1_000_000,
        nowMs: () => performance.now(),
      },
    });
    const fdsBefore = openFds();
    scanner.submitTree(root);
    await until(() => scanner.isIdle);
    expect(scanner.counts()).toMatchObject({ scanned: 31, infected: 1, failed: 0, dropped: 0 });
    expect(detections).toEqual([{ path: `${root}/a/b/c/bad`, signatureName: 'Test.Evil', fd: -1 }]);
    await scanner.stop();
    await until(() => openFds() <= fdsBefore + 1); // the daemon's end closes a little later
  });

  test('start connects without work, and what becomes of the daemon is told', async () => {
    startDaemon();
    const words: string[] = [];
    const scanner = createScanner({ onDaemon: ({ kind }) => words.push(kind) });
    scanner.start();
    await until(() => words.includes('daemonUp'));
    daemon?.close();
    daemon = undefined;
    await until(() => words.includes('daemonDown'));
    rmSync(`${directory.path}/s`);
    startDaemon().version = 'ClamAV 1.4.6/2/Sun Nov 22 20:44:46 2026';
    await until(() => words.includes('databaseChanged'));
    await until(() => words.filter((word) => word === 'daemonUp').length === 2);
    expect(scanner.isIdle).toBe(true);
  });

  test('FIFOs, sockets, devices and links neither block it nor are opened', async () => {
    startDaemon();
    execFileSync('mkfifo', [`${root}/fifo`]);
    symlinkSync('/dev/zero', `${root}/device`);
    symlinkSync('bad', `${root}/link`);
    writeFileSync(`${root}/empty`, '');
    writeFileSync(`${root}/bad`, 'EVIL');
    const scanner = createScanner();
    for (const name of ['fifo', 'device', 'link', 'empty', 'gone', '.', 'fifo/below']) {
      scanner.submit(`${root}/${name}`);
    }
    scanner.submit(`${directory.path}/s`);
    scanner.submit('/dev/null');
    scanner.submitTree(root);
    await until(() => scanner.isIdle);
    expect(detections.map(({ path }) => path)).toEqual([`${root}/bad`]);
    // Nine one by one, the FIFO and the empty file once more in the tree; links are not even looked at there.
    expect(scanner.counts()).toMatchObject({ scanned: 1, skipped: 11, failed: 0 });
    expect(issues).toEqual([]);
  });

  test('one oversized, one vanished and one unreadable entry do not end a walk', async () => {
    startDaemon();
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(`${root}/${name}`, `EVIL ${name}`);
    truncateSync(`${root}/b`, 100_001);
    mkdirSync(`${root}/excluded`);
    writeFileSync(`${root}/excluded/e`, 'EVIL');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'EVIL not UTF-8');
    const scanner = createScanner({ isExcluded: (path) => path === `${root}/excluded` });
    scanner.submitTree(`${root}/never-there`);
    scanner.submitTree(root);
    await until(() => scanner.isIdle);
    expect(detections).toHaveLength(4);
    expect(scanner.counts()).toMatchObject({ infected: 4, tooLarge: 1, failed: 1 });
    expect(issues.sort()).toEqual(['tooLarge b', 'unreadable never-there']);
  });

  test('the judged file itself is handed over, not whatever has its name by then', async () => {
    const scripted = startDaemon();
    writeFileSync(`${root}/bad`, 'HANG');
    const scanner = createScanner({ handsOver: true });
    scanner.submit(`${root}/bad`);
    await until(() => scripted.scanned.length === 1);
    execFileSync('mv', [`${root}/bad`, `${root}/moved`]);
    writeFileSync(`${root}/bad`, 'another');
    scripted.answerHeld({ found: 'Test.Late' });
    await until(() => detections.length === 1);
    const { fd, path } = detections[0] ?? { fd: -1, path: '' };
    expect(path).toBe(`${root}/moved`);
    expect(readFileSync(`/proc/self/fd/${fd}`, 'utf8')).toBe('HANG');
    closeSync(fd);
  });

  test('work waits for the daemon, within bounds, and survives its death', async () => {
    const scanner = createScanner();
    writeFileSync(`${root}/f`, 'HANG EVIL-not-yet');
    writeFileSync(`${root}/g`, 'EVIL');
    for (let index = 0; index < 10_005; index += 1) scanner.submit(`${root}/${index === 0 ? 'f' : 'none'}`);
    expect(scanner.counts().dropped).toBe(4); // one is in its hands already
    expect(issues).toEqual(Array(4).fill('dropped none'));
    expect(scanner.isIdle).toBe(false);
    const scripted = startDaemon();
    await until(() => scripted.scanned.length === 1);
    scripted.dropConnections();
    writeFileSync(`${root}/f`, 'EVIL');
    await until(() => scanner.isIdle);
    expect(scanner.counts()).toMatchObject({ infected: 1, skipped: 10_000, failed: 0 });
  });

  test('a walked file is opened where it was found, and not elsewhere after its scan was lost', async () => {
    const scripted = startDaemon();
    mkdirSync(`${root}/a`);
    mkdirSync(`${directory.path}/elsewhere`);
    writeFileSync(`${root}/a/f`, 'HANG');
    writeFileSync(`${directory.path}/elsewhere/f`, 'EVIL but not ours');
    const scanner = createScanner();
    let isSwapped = false;
    scanner.observe({
      onBegin: () => {
        if (isSwapped) return;
        isSwapped = true;
        renameSync(`${root}/a`, `${directory.path}/aside`);
        symlinkSync(`${directory.path}/elsewhere`, `${root}/a`);
      },
      onEnd: () => undefined,
    });
    scanner.submitTree(root);
    await until(() => scripted.scanned.length === 1);
    expect(scripted.scanned).toEqual(['HANG']);
    scripted.dropConnections();
    await until(() => scanner.isIdle);
    expect(scripted.scanned).toEqual(['HANG']);
    expect(scanner.counts()).toMatchObject({ scanned: 0, infected: 0, skipped: 1, failed: 0 });
  });

  test('what becomes of each file is told once, with the version that was found clean', async () => {
    const scripted = startDaemon();
    const scanner = createScanner();
    const ends = new Map<string, FileOutcome[]>();
    const begun: string[] = [];
    scanner.observe({
      onBegin: (path) => begun.push(path.slice(root.length + 1)),
      onEnd: (path, outcome) => {
        const name = path.slice(root.length + 1);
        ends.set(name, [...(ends.get(name) ?? []), outcome]);
      },
    });
    for (const [name, content] of Object.entries({ good: 'good', bad: 'EVIL', empty: '', slow: 'HANG' })) {
      writeFileSync(`${root}/${name}`, content);
      scanner.submit(`${root}/${name}`);
    }
    scanner.submit(`${root}/gone`);
    await until(() => scripted.scanned.length === 3);
    writeFileSync(`${root}/slow`, 'HANG other content');
    scripted.answerHeld('OK');
    await until(() => scanner.isIdle);
    const kinds = [...ends].map(
      ([name, outcomes]) => `${name} ${outcomes.map(({ kind }) => kind).join('+')}`,
    );
    expect(kinds.sort()).toEqual([
      'bad notClean',
      'empty notClean',
      'gone notClean',
      'good clean',
      'slow notClean',
    ]);
    expect(ends.get('good')).toEqual([{ kind: 'clean', key: expect.objectContaining({ sizeBytes: 4 }) }]);
    expect(ends.get('bad')).toEqual([{ kind: 'notClean', key: expect.objectContaining({ sizeBytes: 4 }) }]);
    expect(ends.get('slow')).toEqual([{ kind: 'notClean' }]);
    expect(begun.sort()).toEqual(['bad', 'empty', 'gone', 'good', 'slow']);
    await scanner.stop();
    scanner.submit(`${root}/late`);
    expect(ends.get('late')).toHaveLength(1);
  });

  test('stops at once with scans outstanding, and takes nothing afterwards', async () => {
    const scripted = startDaemon();
    const scanner = createScanner();
    for (const name of ['f', 'g', 'h']) {
      writeFileSync(`${root}/${name}`, `HANG ${name}`);
      scanner.submit(`${root}/${name}`);
    }
    await until(() => scripted.scanned.length === 2);
    const startMs = performance.now();
    await scanner.stop();
    await scanner.stop();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    scanner.submit(`${root}/f`);
    await scanner.stop();
    expect(scripted.scanned).toHaveLength(2);
    expect(issues).toEqual([]);
  });
});

test('walkFiles: more directories than it may remember are told, not forgotten', async () => {
  const directory = makeTempDir('walk-');
  try {
    for (let index = 0; index < 10; index += 1) mkdirSync(`${directory.path}/d${index}`);
    writeFileSync(`${directory.path}/f`, '');
    const unread: string[] = [];
    const found: string[] = [];
    const options = {
      isExcluded: () => false,
      onUnread: (path: string) => unread.push(path),
      directoriesMax: 4,
    };
    for await (const { path } of walkFiles(Buffer.from(directory.path), options)) found.push(path.toString());
    expect(found).toEqual([`${directory.path}/f`]);
    expect(unread).toHaveLength(6);
  } finally {
    directory.remove();
  }
});

test('walkFiles: a link in the place of a directory, above what was found, leads nowhere else', async () => {
  const directory = makeTempDir('walk-');
  try {
    const [tree, elsewhere] = [`${directory.path}/tree`, `${directory.path}/elsewhere`];
    for (const below of [`${tree}/a/b`, `${elsewhere}/b`]) mkdirSync(below, { recursive: true });
    writeFileSync(`${tree}/a/first`, 'first');
    writeFileSync(`${tree}/a/b/mine`, 'mine');
    writeFileSync(`${elsewhere}/first`, 'another');
    writeFileSync(`${elsewhere}/b/precious`, 'precious');
    const [found, unread]: string[][] = [[], []];
    const options = {
      isExcluded: () => false,
      onUnread: (path: string) => unread?.push(path),
      directoriesMax: 100,
    };
    for await (const { path, throughDirectory } of walkFiles(Buffer.from(tree), options)) {
      found?.push(path.toString());
      renameSync(`${tree}/a`, `${directory.path}/aside`);
      symlinkSync(elsewhere, `${tree}/a`);
      expect(readFileSync(path, 'utf8')).toBe('another');
      expect(readFileSync(throughDirectory, 'utf8')).toBe('first');
    }
    expect(found).toEqual([`${tree}/a/first`]);
    expect(unread).toEqual([`${tree}/a/b`]);
  } finally {
    directory.remove();
  }
});
