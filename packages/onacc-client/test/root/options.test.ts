import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { catAs, NOBODY } from '../openers/cat-as.js';
import { cat } from '../openers/opener.js';
import { EICAR, foundPaths, PairFixture, told, until, untilTrue } from '../pair-fixture.js';
import { ScriptedDaemon } from '../scripted-daemon.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
const NO_CACHE = { ONACC_CACHE_ENTRIES: '4', ONACC_KERNEL_CACHE: 'no', ONACC_LEASE_CACHE: 'no' };
/** Longer than it takes to mark what has come, or to scan what nobody waits for. */
const NOTICED_MS = 1_500;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

let pair: PairFixture;
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await pair.stop();
});

/** By a process of its own: the bytes come when the file is open already. */
function writeElsewhere(path: string, content = EICAR): void {
  const from = pair.path('content');
  writeFileSync(from, content);
  execFileSync('cp', [from, path]);
}

describeIfFanotify('the options, each alone', () => {
  test('OnAccessMaxThreads: no more scans than that are under way', async () => {
    pair = new PairFixture(['OnAccessMaxThreads 2', 'OnAccessCurlTimeout 30000']);
    const paths = Array.from({ length: 6 }, (_, index) => pair.write(`f${index}`, `content ${index}`));
    const daemon = new ScriptedDaemon(openNative(), pair.socketPath, () => 'silence');
    cleanUps.push(() => {
      daemon.close();
    });
    await pair.startClient(NO_CACHE);
    const openers = paths.map((path) => cat(path));
    for (const sent of [2, 4, 6]) {
      await until(`${sent} scans`, () => daemon.scanned.length >= sent);
      await sleep(700);
      expect(daemon.scanned).toHaveLength(sent);
      daemon.answerHeld('OK');
    }
    expect(await Promise.all(openers)).toEqual(paths.map((_, index) => `content ${index}`));
  });

  test('OnAccessCurlTimeout: an open waits as long as that and no longer', async () => {
    pair = new PairFixture(['OnAccessCurlTimeout 2500']);
    const path = pair.write('file', 'content');
    const daemon = new ScriptedDaemon(openNative(), pair.socketPath, () => 'silence');
    cleanUps.push(() => {
      daemon.close();
    });
    const client = await pair.startClient(NO_CACHE);
    const startedMs = Date.now();
    expect(await cat(path)).toBe('content');
    expect(Date.now() - startedMs).toBeGreaterThan(2_000);
    expect(Date.now() - startedMs).toBeLessThan(8_000);
    expect(await client.said('notScanned')).toMatchObject({ cause: 'timeout', path });
  });

  test.each([
    ['prevention', 'yes'],
    ['notify-only', 'no'],
  ])(
    'OnAccessExtraScanning under %s: what is written, and what is moved in, is told of without an open',
    async (_mode, prevention) => {
      pair = new PairFixture([`OnAccessPrevention ${prevention}`, 'OnAccessExtraScanning yes']);
      await pair.startDaemon();
      const client = await pair.startClient();
      const written = `${pair.guarded}/written`;
      writeElsewhere(written);
      mkdirSync(pair.path('outside/deep'), { recursive: true });
      writeFileSync(pair.path('outside/deep/eicar'), EICAR);
      writeFileSync(pair.path('single'), EICAR);
      renameSync(pair.path('outside'), `${pair.guarded}/inside`);
      renameSync(pair.path('single'), `${pair.guarded}/single`);
      const all = [written, `${pair.guarded}/inside/deep/eicar`, `${pair.guarded}/single`];
      await until('all are told of', () => all.every((path) => foundPaths(client).includes(path)));
      expect(told(client, 'notScanned')).toEqual([]);
    },
  );

  test('without OnAccessExtraScanning nothing is told of what nobody opens', async () => {
    pair = new PairFixture();
    await pair.startDaemon();
    const client = await pair.startClient();
    writeElsewhere(`${pair.guarded}/written`);
    await sleep(NOTICED_MS);
    expect(foundPaths(client)).toEqual([]);
    expect(await cat(`${pair.guarded}/written`)).toMatch(REFUSED);
  });

  test('OnAccessExcludePath, plain and as an expression, holds for what is made anew, and for nothing else', async () => {
    pair = new PairFixture([], { include: [] });
    appendFileSync(
      pair.configPath,
      [
        `OnAccessIncludePath ${pair.guarded}`,
        `OnAccessExcludePath ${pair.guarded}/plain`,
        String.raw`OnAccessExcludePath /cache-[0-9]+$`,
        '',
      ].join('\n'),
    );
    const excluded = ['plain', 'plain/below', 'cache-1', 'deep/cache-22', 'deep/cache-22/below'];
    const included = ['plainer', 'cache-x', 'cache-1x', 'deep'];
    const make = (): void => {
      for (const name of [...excluded, ...included]) {
        rmSync(`${pair.guarded}/${name}`, { recursive: true, force: true });
      }
      for (const name of [...excluded, ...included]) {
        mkdirSync(`${pair.guarded}/${name}`, { recursive: true });
        writeFileSync(`${pair.guarded}/${name}/eicar`, EICAR);
      }
    };
    const look = async (): Promise<void> => {
      for (const name of excluded)
        expect([name, await cat(`${pair.guarded}/${name}/eicar`)]).toEqual([name, EICAR]);
      for (const name of included) {
        expect([name, await cat(`${pair.guarded}/${name}/eicar`)]).toEqual([
          name,
          expect.stringMatching(REFUSED),
        ]);
      }
    };
    make();
    await pair.startDaemon();
    await pair.startClient();
    await look();
    make();
    await sleep(NOTICED_MS);
    await look();
  });

  test('files of any name are refused, and told of when they are written', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes']);
    await pair.startDaemon();
    const client = await pair.startClient();
    const names = [
      Buffer.from([0x66, 0xff, 0xfe]),
      Buffer.from('two\nlines'),
      Buffer.from(' : FOUND\u001b[31m'),
      Buffer.from('x'.repeat(255)),
    ];
    for (const name of names) {
      writeFileSync(Buffer.concat([Buffer.from(`${pair.guarded}/`), name]), EICAR);
    }
    await until('all are told of', () => new Set(foundPaths(client)).size === names.length);
    const text = execFileSync('sh', ['-c', `find ${pair.guarded} -type f -exec cat {} + 2>&1 || true`], {
      encoding: 'utf8',
    });
    expect(text.match(/Operation not permitted/g)).toHaveLength(names.length);
    expect(text).not.toContain('EICAR');
    const isClean = client.lines.every(({ msg }) => !msg.includes('\n') && !msg.includes('\u001b'));
    expect(isClean).toBe(true);
  });

  test('OnAccessExcludeUID: its opens are let through, others’ are not', async () => {
    pair = new PairFixture([`OnAccessExcludeUID ${NOBODY}`]);
    const path = pair.write('eicar', EICAR);
    await pair.startDaemon();
    await pair.startClient();
    expect(await catAs(NOBODY, path)).toBe(EICAR);
    expect(await catAs(4_711, path)).toMatch(REFUSED);
    expect(await cat(path)).toMatch(REFUSED);
  });

  test('--watch-list and --exclude-list: their directories, the last line without a newline too', async () => {
    pair = new PairFixture([], { include: [] });
    for (const name of ['a', 'b', 'b/out', 'c', 'b/in'])
      mkdirSync(pair.path(`listed/${name}`), { recursive: true });
    const at = (name: string): string => pair.path(`listed/${name}/eicar`);
    for (const name of ['a', 'b', 'b/out', 'b/in', 'c']) writeFileSync(at(name), EICAR);
    writeFileSync(pair.path('watch'), `${pair.path('listed/a')}\n${pair.path('listed/b')}`);
    writeFileSync(pair.path('exclude'), pair.path('listed/b/out'));
    await pair.startDaemon();
    await pair.startClient({}, [
      `--watch-list=${pair.path('watch')}`,
      `--exclude-list=${pair.path('exclude')}`,
    ]);
    for (const name of ['a', 'b', 'b/in']) expect(await cat(at(name))).toMatch(REFUSED);
    for (const name of ['b/out', 'c']) expect(await cat(at(name))).toBe(EICAR);
  });

  test('an OnAccessIncludePath that comes later, and its parents with it, is protected from then on', async () => {
    pair = new PairFixture([], { include: [] });
    const late = pair.path('not/there/yet');
    appendFileSync(pair.configPath, `OnAccessIncludePath ${pair.guarded}\nOnAccessIncludePath ${late}\n`);
    await pair.startDaemon();
    await pair.startClient();
    mkdirSync(`${late}/deep`, { recursive: true });
    for (const name of ['eicar', 'deep/eicar']) writeFileSync(`${late}/${name}`, EICAR);
    await untilTrue('it is protected', async () => REFUSED.test(await cat(`${late}/eicar`)));
    await untilTrue('and what is in it', async () => REFUSED.test(await cat(`${late}/deep/eicar`)));
    // Gone and there again.
    rmSync(pair.path('not'), { recursive: true });
    await sleep(300);
    mkdirSync(late, { recursive: true });
    writeFileSync(`${late}/eicar`, EICAR);
    await untilTrue('it is protected again', async () => REFUSED.test(await cat(`${late}/eicar`)));
  });

  test('ONACC_ON_DETECTION: the command is told what, who and what was decided, for files that nobody opened as well', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes']);
    const seen = pair.path('seen');
    mkdirSync(seen);
    await pair.startDaemon();
    const names = 'PATH SIGNATURE DECISION PID UID EXECUTABLE'
      .split(' ')
      .map((name) => `$PORTCULLIS_${name}`);
    const words = [...names, '$CLAM_VIRUSEVENT_FILENAME', '$CLAM_VIRUSEVENT_VIRUSNAME'].join('|');
    await pair.startClient({
      ONACC_ON_DETECTION: `sh -c 'echo "${words}" > ${seen}/$$.new; mv ${seen}/$$.new ${seen}/$$'`,
    });
    const heard = (): string[][] =>
      readdirSync(seen)
        .filter((name) => !name.endsWith('.new'))
        .map((name) => readFileSync(`${seen}/${name}`, 'utf8').trimEnd().split('|'));
    const path = pair.write('odd $(x) `y`; z', EICAR);
    await until('the written one is told of', () => heard().some(([one]) => one === path));
    expect(await catAs(NOBODY, path)).toMatch(REFUSED);
    const ofOpener = (): string[] | undefined => heard().find(([, , decision]) => decision === 'deny');
    await until('the opened one is told of', () => ofOpener() !== undefined);
    const name = 'Test.Eicar.UNOFFICIAL';
    expect(ofOpener()).toEqual([
      ...[path, name, 'deny', expect.stringMatching(/^\d+$/), String(NOBODY)],
      ...[expect.stringMatching(/cat|coreutils/), path, name],
    ]);
    const written = [path, name, 'notified', String(process.pid), '0', process.execPath, path, name];
    expect(heard().find(([, , decision]) => decision === 'notified')).toEqual(written);
    writeFileSync(pair.path('outside'), EICAR);
    const moved = `${pair.guarded}/moved`;
    renameSync(pair.path('outside'), moved);
    await until('the moved one is told of', () => heard().some(([one]) => one === moved));
    // Nobody has opened it.
    expect(heard().find(([one]) => one === moved)).toEqual([
      moved,
      name,
      'notified',
      '0',
      '',
      '',
      moved,
      name,
    ]);
  });
});
