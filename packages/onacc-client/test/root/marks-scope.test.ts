import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { MountsFixture } from '../filesystems/mounts-fixture.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture, told, until, whyNot } from '../pair-fixture.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
const STRATEGIES = ['mount', 'filesystem'] as const;
/** More than the daemon keeps in memory of a stream, less than OnAccessMaxFileSize. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** The line of clamd.conf. */
const TEMPORARY = /^TemporaryDirectory .*$/m;

const noClamd = await whyNot('clamd');

let mounts: MountsFixture;
let disk: string;
let pair: PairFixture | undefined;

beforeEach(() => {
  mounts = new MountsFixture();
  disk = mounts.tmpfs('disk');
  mkdirSync(`${disk}/real/deep`, { recursive: true });
  mkdirSync(`${disk}/beside`);
  for (const name of ['real', 'real/deep', 'beside']) writeFileSync(`${disk}/${name}/eicar`, EICAR);
});

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
  mounts.remove();
});

async function protect(
  include: readonly string[],
  options: {
    readonly config?: readonly string[];
    readonly temporary?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
  } = {},
): Promise<ChildProgram> {
  const { config = [], temporary, env = {}, args = [] } = options;
  pair = new PairFixture(config, { include });
  if (temporary !== undefined) {
    pair.changeConfig((text) => text.replace(TEMPORARY, `TemporaryDirectory ${temporary}`));
  }
  await pair.startDaemon();
  return await pair.startClient(env, args);
}

describeIfFanotify('include paths with symbolic links under marks of whole mounts', () => {
  test.each(STRATEGIES)('%s: one that is a link, and one that leads through it', async (marks) => {
    symlinkSync('real', `${disk}/link`);
    symlinkSync(disk, mounts.path + '/away');
    await protect([`${disk}/link/deep`, `${mounts.path}/away/link`], { env: { ONACC_MARKS: marks } });
    expect(await cat(`${disk}/link/eicar`)).toMatch(REFUSED);
    expect(await cat(`${disk}/real/eicar`)).toMatch(REFUSED);
    expect(await cat(`${mounts.path}/away/real/deep/eicar`)).toMatch(REFUSED);
    expect(await cat(`${disk}/beside/eicar`)).toBe(EICAR);
  });

  test.each(STRATEGIES)(
    '%s: one that is missing at the start, below a link and behind one',
    async (marks) => {
      symlinkSync('real', `${disk}/link`);
      symlinkSync('real/soon', `${disk}/dangling`);
      const client = await protect([`${disk}/link/later`, `${disk}/dangling`], {
        env: { ONACC_MARKS: marks },
      });
      mkdirSync(`${disk}/real/later`);
      mkdirSync(`${disk}/real/soon`);
      // Whatever is missing is looked for every three seconds.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      for (const name of ['later', 'soon']) writeFileSync(`${disk}/real/${name}/eicar`, EICAR);
      expect(await cat(`${disk}/link/later/eicar`)).toMatch(REFUSED);
      expect(await cat(`${disk}/dangling/eicar`)).toMatch(REFUSED);
      expect(JSON.stringify(told(client, 'watchIssue'))).not.toContain('leadsTo');
    },
  );

  test('a link that comes later to where nothing was is told of, and holds after SIGHUP', async () => {
    const client = await protect([`${disk}/later`, `${disk}/real/deep`], { env: { ONACC_MARKS: 'mount' } });
    symlinkSync('beside', `${disk}/later`);
    const issues = (): string => JSON.stringify(told(client, 'watchIssue'));
    await until('the client says so', () => issues().includes(`leadsTo:${disk}/beside`));
    expect(issues()).toContain('SIGHUP');
    process.kill(client.pid, 'SIGHUP');
    await until('it is reloaded', () => told(client, 'reloaded').length > 0);
    expect(await cat(`${disk}/later/eicar`)).toMatch(REFUSED);
  });
});

describeIfFanotify("the daemon's temporary directory", () => {
  const WAYS = [
    ['OnAccessMountPath', {}],
    ['OnAccessMountPath', { ONACC_MARKS: 'filesystem' }],
    ['OnAccessIncludePath', { ONACC_MARKS: 'mount' }],
  ] as const;

  test.each(WAYS)('%s %j: is protected, and the daemon can write there', async (option, env) => {
    mkdirSync(`${disk}/tmp`, { mode: 0o777 });
    // By content, and more than the daemon keeps in memory: it has to write it down.
    const client = await protect([], {
      ...{ config: [`${option} ${disk}`], temporary: `${disk}/tmp`, env, args: ['--stream'] },
    });
    writeFileSync(`${disk}/tmp/eicar`, EICAR);
    writeFileSync(`${disk}/large`, Buffer.alloc(LARGE_BYTES, 'x'));
    expect(await cat(`${disk}/tmp/eicar`)).toMatch(REFUSED);
    const { stdout } = await promisify(execFile)('wc', ['-c', `${disk}/large`]);
    expect(stdout).toBe(`${LARGE_BYTES} ${disk}/large\n`);
    expect(told(client, 'notScanned')).toEqual([]);
    expect(JSON.stringify(told(client, 'configWarning'))).not.toContain('temporary directory');
  });

  test('under directory marks it is left out, with a warning', async () => {
    mkdirSync(`${disk}/tmp`, { mode: 0o777 });
    const client = await protect([disk], { temporary: `${disk}/tmp` });
    writeFileSync(`${disk}/tmp/eicar`, EICAR);
    expect(await cat(`${disk}/tmp/eicar`)).toBe(EICAR);
    expect(await cat(`${disk}/real/eicar`)).toMatch(REFUSED);
    expect(JSON.stringify(told(client, 'configWarning'))).toContain(
      `'${disk}/tmp' and what is below it is not protected: it is the daemon's temporary directory`,
    );
  });
});

describeOrSkip("Debian's clamd", noClamd, () => {
  describeIfFanotify('with marks of whole mounts', () => {
    test('clamd unpacks an archive there while every open of it is judged', async () => {
      mkdirSync(`${disk}/tmp`, { mode: 0o777 });
      chmodSync(`${disk}/tmp`, 0o777);
      chmodSync(disk, 0o755);
      execFileSync('sh', ['-c', 'cd "$1/real" && tar -czf ../archive.tgz eicar', 'sh', disk]);
      pair = new PairFixture([`OnAccessMountPath ${disk}`], { include: [] });
      pair.changeConfig((text) => text.replace(TEMPORARY, `TemporaryDirectory ${disk}/tmp`));
      await pair.startClamd();
      const client = await pair.startClient();
      writeFileSync(`${disk}/tmp/eicar`, EICAR);
      expect(await cat(`${disk}/archive.tgz`)).toMatch(REFUSED);
      expect(await cat(`${disk}/tmp/eicar`)).toMatch(REFUSED);
      expect(told(client, 'notScanned')).toEqual([]);
    });
  });
});
