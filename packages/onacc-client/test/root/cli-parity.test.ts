import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));
const noClamonacc = await whyNot('clamonacc');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @param cwd where its files go */
function run(file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd, timeout: 60_000, killSignal: 'SIGKILL' },
      (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

/** Both programs print all they have to say before they end; only who says it differs. */
function said({ stdout, stderr }: Outcome): string[] {
  return `${stdout}${stderr}`
    .replaceAll('onacc-client:', 'clamonacc:')
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

describeIfFanotify('the command line', () => {
  describeOrSkip('beside clamonacc’s', noClamonacc, () => {
    let pair: PairFixture;
    beforeAll(async () => {
      pair = new PairFixture(['OnAccessExcludeUID 4711']);
      mkdirSync(pair.path('cwd'));
      writeFileSync(pair.path('down.conf'), withSocket(pair, 'none.sock'));
      symlinkSync(pair.path('elsewhere'), pair.path('link.log'));
      await pair.startDaemon();
    });
    afterAll(async () => {
      await pair.stop();
    });

    function withSocket({ configPath }: PairFixture, name: string): string {
      return readFileSync(configPath, 'utf8').replace(/^LocalSocket .*$/m, `LocalSocket ${pair.path(name)}`);
    }

    async function both(line: string): Promise<{ ours: Outcome; theirs: Outcome }> {
      const args = line
        .replaceAll('@', pair.path(''))
        .split(' ')
        .filter((word) => word !== '');
      const theirs = await run('clamonacc', args, pair.path('cwd'));
      return { ours: await run(process.execPath, [CLIENT, ...args], pair.path('cwd')), theirs };
    }

    test.each([
      '--bogus',
      '-Q',
      '-vQ',
      '--log',
      '--mov',
      '--l=x',
      '--in',
      '--log=',
      '--foreground=maybe',
      '--fdpass=',
      '--remove=2',
      '-r --verbose=x',
      '--max-filesize',
      '--include-lis=x',
      '-c @nowhere.conf -V',
      '-c @nowhere.conf -r --max-filesize=zz --bell=zz -d x -V',
      '-c @clamd.conf --ping=2',
      '-c @clamd.conf -p 2:',
      '-c @down.conf -p 2:0',
      '-c @down.conf -p 1',
      '-c @down.conf -p 0',
      '-c @down.conf -F -l @nowhere/x.log',
      '-c @down.conf -F -l @link.log',
      '-c @down.conf -F -l @guarded',
    ])('%s: the same exit code and words', async (line) => {
      const { ours, theirs } = await both(line);
      expect([ours.code, said(ours)]).toEqual([theirs.code, said(theirs)]);
    });

    test('an unreachable daemon: the same exit code, and the same first lines of the log', async () => {
      const { ours, theirs } = await both('-c @down.conf -l @start.log');
      expect([ours.code, theirs.code]).toEqual([2, 2]);
      const lines = readFileSync(pair.path('start.log'), 'utf8').trimEnd().split('\n');
      // clamonacc wrote first, then we: with one line more, which says why.
      expect(lines).toHaveLength(7);
      expect(lines.slice(3, 6)).toEqual(lines.slice(0, 3));
      expect(existsSync(pair.path('none.sock'))).toBe(false);
    });

    test('--wait in vain: the same exit code, and the same lines in the log', async () => {
      const { ours, theirs } = await both('-c @down.conf -F -wp2:0 -l @wait.log');
      expect([ours.code, theirs.code]).toEqual([21, 21]);
      const lines = readFileSync(pair.path('wait.log'), 'utf8').trimEnd().split('\n');
      expect(lines.slice(lines.length / 2)).toEqual(lines.slice(0, lines.length / 2));
    });

    test('-V is the daemon’s answer, and ends with 0 where clamonacc ends with 2', async () => {
      const { ours, theirs } = await both('-c @clamd.conf -V');
      expect([ours.code, theirs.code]).toEqual([0, 2]);
      expect(ours.stdout).toBe(theirs.stdout);
      expect(await both('-c @down.conf -V')).toMatchObject({
        ours: { code: 0, stdout: expect.stringMatching(/^Portcullis onacc-client /) },
        theirs: { code: 2 },
      });
    });

    describe('--help', () => {
      test('ends with 0 and has every option that clamonacc’s has', async () => {
        const { ours, theirs } = await both('-h');
        expect([ours.code, theirs.code]).toEqual([0, 0]);
        const options = theirs.stdout.match(/--[a-z-]+/g) ?? [];
        expect(options.length).toBeGreaterThan(10);
        expect(options.filter((option) => !ours.stdout.includes(option))).toEqual([]);
      });
    });
  });
});
