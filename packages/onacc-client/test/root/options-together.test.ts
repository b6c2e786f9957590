import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { MountsFixture, whyNoDisk } from '../filesystems/mounts-fixture.js';
import { catAs, NOBODY } from '../openers/cat-as.js';
import { cat } from '../openers/opener.js';
import { EICAR, foundPaths, PairFixture, told, until } from '../pair-fixture.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
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

describeIfFanotify('ONACC_MARKS with OnAccessIncludePath', () => {
  describe.each(['mount', 'filesystem'] as const)('%s', (marks) => {
    describe.each([
      ['tmpfs', undefined],
      ['ext4', whyNoDisk('ext4')],
    ] as const)('on %s', (type, whyNot) => {
      describeOrSkip('of the test’s own', whyNot, () => {
        test('what lies inside is refused, other paths of the same mount are let through, exclusions hold', async () => {
          const mounts = new MountsFixture();
          const root = type === 'tmpfs' ? mounts.tmpfs('disk') : mounts.disk(type, 'disk');
          pair = new PairFixture([], { include: [`${root}/in`] });
          cleanUps.push(() => {
            mounts.remove();
          });
          appendFileSync(pair.configPath, `OnAccessExcludePath ${root}/in/out\n`);
          for (const name of ['in/deep', 'in/out', 'beside'])
            mkdirSync(`${root}/${name}`, { recursive: true });
          execFileSync('chmod', ['-R', 'go+rX', root, mounts.path]);
          const at = (name: string): string => `${root}/${name}/eicar`;
          for (const name of ['in', 'in/deep', 'in/out', 'beside']) writeFileSync(at(name), EICAR);
          await pair.startDaemon();
          const client = await pair.startClient({ ONACC_MARKS: marks });
          cleanUps.push(() => client.stop());
          for (const name of ['in', 'in/deep']) expect(await catAs(NOBODY, at(name))).toMatch(REFUSED);
          for (const name of ['in/out', 'beside']) expect(await catAs(NOBODY, at(name))).toBe(EICAR);
          mkdirSync(`${root}/in/later`);
          writeFileSync(at('in/later'), EICAR);
          expect(await catAs(NOBODY, at('in/later'))).toMatch(REFUSED);
          expect(await cat(at('in'))).toMatch(REFUSED);
          expect(told(client, 'trouble')).toEqual([]);
        });
      });
    });
  });
});

describeIfFanotify('ONACC_MARKS with other options', () => {
  test.each(['mount', 'filesystem'] as const)(
    '%s, extra scanning, --move and a user excluded: what is only written goes, what is beside stays',
    async (marks) => {
      const mounts = new MountsFixture();
      const root = mounts.tmpfs('disk');
      pair = new PairFixture(['OnAccessExtraScanning yes', `OnAccessExcludeUID ${NOBODY}`], {
        include: [`${root}/in`],
      });
      cleanUps.push(() => {
        mounts.remove();
      });
      const quarantine = pair.path('quarantine');
      mkdirSync(quarantine, { mode: 0o700 });
      for (const name of ['in', 'beside']) mkdirSync(`${root}/${name}`);
      execFileSync('chmod', ['go+rX', root, mounts.path]);
      await pair.startDaemon();
      const client = await pair.startClient({ ONACC_MARKS: marks }, [`--move=${quarantine}`]);
      cleanUps.push(() => client.stop());
      writeFileSync(`${root}/beside/eicar`, EICAR);
      writeFileSync(`${root}/in/eicar`, EICAR);
      await until('it is gone', () => !existsSync(`${root}/in/eicar`));
      await until('it is kept', () => existsSync(`${quarantine}/eicar`));
      expect(readFileSync(`${quarantine}/eicar`, 'utf8')).toBe(EICAR);
      await sleep(NOTICED_MS);
      expect(await catAs(NOBODY, `${root}/beside/eicar`)).toBe(EICAR);
      expect(foundPaths(client)).toEqual([`${root}/in/eicar`]);
    },
  );
});

interface Combination {
  readonly name: string;
  readonly config: readonly string[];
  readonly args: readonly string[];
  /** What nobody sees of a file in the tree, in an excluded part, of one that is too large, and of one below the top. */
  readonly inTree: 'refused' | 'open';
  readonly excluded: 'refused' | 'open';
  readonly large: 'refused' | 'open';
  readonly below: 'refused' | 'open';
  readonly env?: Readonly<Record<string, string>>;
}

const COMBINATIONS: readonly Combination[] = [
  {
    name: 'prevention, extra scanning, an exclusion, a size limit',
    config: ['OnAccessExtraScanning yes', 'OnAccessExcludePath /out$', 'OnAccessMaxFileSize 1K'],
    ...{ args: [], inTree: 'refused', excluded: 'open', large: 'open', below: 'refused' },
  },
  {
    name: 'the same with --stream, few threads and a table that denies what is too large',
    config: [
      'OnAccessExtraScanning yes',
      'OnAccessExcludePath /out$',
      'OnAccessMaxFileSize 1K',
      'OnAccessMaxThreads 1',
    ],
    env: { ONACC_ON_TOO_LARGE: 'deny' },
    ...{ args: ['--stream'], inTree: 'refused', excluded: 'open', large: 'refused', below: 'refused' },
  },
  {
    name: 'one user excluded, whose uid is not the opener’s, and root by name',
    config: ['OnAccessExcludeUID 4711', 'OnAccessExcludeUname root', 'OnAccessExcludeRootUID yes'],
    ...{ args: [], inTree: 'refused', excluded: 'refused', large: 'refused', below: 'refused' },
  },
  {
    name: 'the opener excluded by name',
    config: ['OnAccessExcludeUID 4711', 'OnAccessExcludeUname nobody', 'OnAccessDenyOnError yes'],
    ...{ args: [], inTree: 'open', excluded: 'open', large: 'open', below: 'open' },
  },
  {
    name: 'no DDD, retries, denying on errors, no size limit',
    config: [
      ...['OnAccessDisableDDD yes', 'OnAccessRetryAttempts 2', 'OnAccessDenyOnError yes'],
      'OnAccessMaxFileSize 0',
    ],
    ...{ args: ['--allmatch'], inTree: 'refused', excluded: 'open', large: 'refused', below: 'open' },
  },
  {
    name: 'notify-only with extra scanning and --copy',
    config: ['OnAccessPrevention no', 'OnAccessExtraScanning yes'],
    ...{ args: ['--copy=@quarantine'], inTree: 'open', excluded: 'open', large: 'open', below: 'open' },
  },
];

describeIfFanotify('options together', () => {
  test.each(COMBINATIONS)('$name', async ({ config, args, env, inTree, excluded, large, below }) => {
    pair = new PairFixture(config);
    for (const name of ['out', 'below']) mkdirSync(`${pair.guarded}/${name}`);
    mkdirSync(pair.path('quarantine'), { mode: 0o700 });
    pair.writeSignatures('LARGE-MARKER');
    const expectations = {
      [pair.write('eicar', EICAR)]: inTree,
      [pair.write('out/eicar', EICAR)]: excluded,
      [pair.write('large', 'LARGE-MARKER'.padEnd(3_000, 'x'))]: large,
      [pair.write('below/eicar', EICAR)]: below,
      [pair.write('clean', 'hello')]: 'open',
    };
    await pair.startDaemon();
    const client = await pair.startClient(
      env ?? {},
      args.map((arg) => arg.replace('@', pair.path(''))),
    );
    // Twice: what was answered once is answered alike from the cache.
    for (const path of [...Object.keys(expectations), ...Object.keys(expectations)]) {
      const text = await catAs(NOBODY, path);
      expect({ path, outcome: REFUSED.test(text) ? 'refused' : 'open' }).toEqual({
        path,
        outcome: expectations[path],
      });
    }
    expect(told(client, 'trouble')).toEqual([]);
    expect(told(client, 'notScanned').filter((line) => line['cause'] !== 'tooLarge')).toEqual([]);
  });

  test('--move with prevention, extra scanning and an exclusion: opened or only written, it goes into the quarantine', async () => {
    pair = new PairFixture(['OnAccessExtraScanning yes', 'OnAccessExcludePath /out$']);
    const quarantine = pair.path('quarantine');
    mkdirSync(quarantine, { mode: 0o700 });
    mkdirSync(`${pair.guarded}/out`);
    await pair.startDaemon();
    writeFileSync(`${pair.guarded}/opened`, EICAR);
    const client = await pair.startClient({}, [`--move=${quarantine}`, `--log=${pair.path('log')}`]);
    expect(await catAs(NOBODY, `${pair.guarded}/opened`)).toMatch(REFUSED);
    writeFileSync(pair.path('content'), EICAR);
    for (const name of ['written', 'out/eicar']) {
      execFileSync('cp', [pair.path('content'), `${pair.guarded}/${name}`]);
    }
    await until('both are gone', () =>
      ['opened', 'written'].every((name) => !existsSync(`${pair.guarded}/${name}`)),
    );
    await until(
      'both are kept',
      () => readdirSync(quarantine).filter((name) => !name.startsWith('.')).length === 2,
    );
    await sleep(NOTICED_MS);
    expect(existsSync(`${pair.guarded}/out/eicar`)).toBe(true);
    for (const name of ['opened', 'written']) {
      const record: unknown = JSON.parse(readFileSync(`${quarantine}/.portcullis/${name}.json`, 'utf8'));
      expect(record).toMatchObject({ signatureName: 'Test.Eicar.UNOFFICIAL' });
    }
    const log = readFileSync(pair.path('log'), 'utf8');
    for (const name of ['opened', 'written']) {
      expect(log).toContain(`${pair.guarded}/${name}: Test.Eicar.UNOFFICIAL FOUND`);
      expect(log).toContain(`${pair.guarded}/${name}: moved to '${quarantine}/${name}'`);
    }
    expect(foundPaths(client)).not.toContain(`${pair.guarded}/out/eicar`);
  });
});
