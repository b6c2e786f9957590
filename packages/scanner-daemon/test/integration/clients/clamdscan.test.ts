import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ask, createSite, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { EICAR_FOUND, listTree, makeClientTree, MARKER_FOUND } from './client-tree.js';
import { DEBIAN_CLAMD, startDebianClamd, type DebianClamd } from './debian-clamd.js';
import { runProgram, whyMissing, type Run } from './run-program.js';

type Transport = 'unix' | 'tcp';

let site: Site;
let tree: string;
let ours: DaemonProcess;
let theirs: DebianClamd;

/** A clamd.conf for the client alone, which names one daemon and one transport. */
function clientConfig(whose: 'ours' | 'theirs', transport: Transport): string {
  const { socketPath, tcpPort } = whose === 'ours' ? site : theirs;
  const address =
    transport === 'unix' ? [`LocalSocket ${socketPath}`] : [`TCPSocket ${tcpPort}`, 'TCPAddr 127.0.0.1'];
  return site.put(`client-${whose}-${transport}.conf`, [...address, ''].join('\n'));
}

function clamdscan(
  whose: 'ours' | 'theirs',
  args: readonly string[],
  options: { transport?: Transport; stdin?: string | number } = {},
): Promise<Run> {
  const { transport = 'unix', ...rest } = options;
  return runProgram(['clamdscan', `--config-file=${clientConfig(whose, transport)}`, ...args], rest);
}

/**
 * What one sees, minus times; sorted where the order is that of the threads. A set for --allmatch: clamd scans text twice, as it is
 * and normalised, and says so twice where one signature matches both.
 */
function comparable({ code, stdout, stderr }: Run, order: 'asIs' | 'sorted' | 'set'): object {
  const lines = stdout
    .replace(/^(Time|Start Date|End Date):.*$/gm, '$1')
    .replace(/fd\[\d+\]/g, 'fd[N]')
    .split('\n');
  const ordered = order === 'asIs' ? lines : order === 'sorted' ? lines.sort() : [...new Set(lines.sort())];
  return { code, stdout: ordered, stderr: stderr.split('\n').sort() };
}

const MODES: readonly (readonly [Transport, readonly string[]])[] = [
  ['unix', []],
  ['unix', ['--fdpass']],
  ['unix', ['--stream']],
  ['unix', ['--multiscan']],
  ['unix', ['--fdpass', '--multiscan']],
  ['unix', ['--stream', '--multiscan']],
  ['unix', ['--allmatch']],
  ['unix', ['--verbose', '--infected']],
  ['tcp', []],
  ['tcp', ['--stream']],
  ['tcp', ['--multiscan']],
  ['tcp', ['--stream', '--multiscan']],
  ['tcp', ['--allmatch']],
];

const TARGETS = ['.', 'sub', 'quiet', 'hollow', 'both', 'clean', 'empty', 'looks: OK', 'looks FOUND'];
const ODD_TARGETS = ['missing', 'fifo', 'dangling', 'link-to-eicar', 'link-to-sub', 'sub/', 'with a space'];

function targetPath(name: string): string {
  return name === '.' ? tree : `${tree}/${name}`;
}

describeOrSkip("Debian's clamdscan", whyMissing('clamdscan'), () => {
  beforeAll(async () => {
    site = await createSite();
    tree = join(site.root, 'tree');
    makeClientTree(tree);
    ours = await startDaemon(site, { SCANNER_BUNDLED_SIGNATURES: 'no' });
  }, 40_000);
  afterAll(async () => {
    await ours.stop();
    site.remove();
  }, 20_000);

  describeOrSkip('sees no difference between clamd and us', whyMissing(DEBIAN_CLAMD), () => {
    beforeAll(async () => {
      theirs = await startDebianClamd(site);
    }, 30_000);
    afterAll(async () => {
      await theirs.stop();
    }, 20_000);

    test.each(MODES)(
      'over %s with %j',
      async (transport, options) => {
        const order = options.includes('--allmatch')
          ? 'set'
          : options.includes('--multiscan')
            ? 'sorted'
            : 'asIs';
        for (const target of [...TARGETS, ...ODD_TARGETS]) {
          const args = [...options, targetPath(target)];
          const [mine, clamds] = await Promise.all([
            clamdscan('ours', args, { transport }),
            clamdscan('theirs', args, { transport }),
          ]);
          expect([target, comparable(mine, order)]).toEqual([target, comparable(clamds, order)]);
        }
      },
      60_000,
    );

    test.each([[['--move']], [['--copy']], [['--remove']]])(
      '%j leaves the same tree behind, with every way of handing files over',
      async (action) => {
        for (const mode of [[], ['--fdpass'], ['--stream'], ['--multiscan'], ['--fdpass', '--multiscan']]) {
          const runs: object[] = [];
          const jail = join(site.root, 'jail');
          for (const whose of ['ours', 'theirs'] as const) {
            makeClientTree(tree);
            rmSync(jail, { recursive: true, force: true });
            mkdirSync(jail);
            const what = action[0] === '--remove' ? '--remove' : `${action[0]}=${jail}`;
            const run = await clamdscan(whose, [...mode, what, tree]);
            runs.push([mode, comparable(run, 'sorted'), listTree(tree), listTree(jail)]);
          }
          expect(runs[0]).toEqual(runs[1]);
        }
        makeClientTree(tree);
      },
      60_000,
    );

    test.each(['unix', 'tcp'] as const)('stdin over %s, as a pipe and as a file', async (transport) => {
      for (const stdin of ['nothing to see', 'sub/eicar']) {
        const runs = await Promise.all(
          (['ours', 'theirs'] as const).map(async (whose) => {
            const fd = stdin === 'sub/eicar' ? openSync(join(tree, stdin), 'r') : stdin;
            const run = await clamdscan(whose, ['-'], { transport, stdin: fd });
            if (typeof fd === 'number') closeSync(fd);
            return comparable(run, 'asIs');
          }),
        );
        expect(runs[0]).toEqual(runs[1]);
      }
    });

    test.each([[['--version']], [['--ping', '2']], [['--reload']], [['--no-summary', '--wait', '--quiet']]])(
      '%j',
      async (args) => {
        const all = args.includes('--wait') ? [...args, tree] : args;
        const [mine, clamds] = await Promise.all([clamdscan('ours', all), clamdscan('theirs', all)]);
        expect(comparable(mine, 'asIs')).toEqual(comparable(clamds, 'asIs'));
      },
      20_000,
    );
  });

  describe('with our daemon alone', () => {
    test.each([
      [[]],
      [['--fdpass']],
      [['--stream']],
      [['--multiscan']],
      [['--fdpass', '--multiscan']],
      [['--stream', '--multiscan']],
    ])('finds what is infected below a directory and ends with 1 %j', async (options) => {
      const { code, stdout } = await clamdscan('ours', [...options, '--no-summary', `${tree}/sub`]);
      expect(code).toBe(1);
      expect(stdout.split('\n').filter(Boolean).sort()).toEqual([
        `${tree}/sub/deeper/still/marked: ${MARKER_FOUND}`,
        `${tree}/sub/eicar: ${EICAR_FOUND}`,
        `${tree}/sub/\xff\xfe: ${EICAR_FOUND}`,
      ]);
    });

    test('ends with 0 for a clean tree and with 2 for a missing file', async () => {
      const clean = await clamdscan('ours', ['--no-summary', `${tree}/quiet`]);
      expect(clean).toMatchObject({ code: 0, stdout: `${tree}/quiet: OK\n` });
      expect((await clamdscan('ours', ['--no-summary', `${tree}/missing`])).code).toBe(2);
    });

    test('--allmatch tells both signatures of a file', async () => {
      const { code, stdout } = await clamdscan('ours', ['--allmatch', '--no-summary', `${tree}/both`]);
      expect(code).toBe(1);
      expect(stdout.split('\n').filter(Boolean).sort()).toEqual([
        `${tree}/both: ${EICAR_FOUND}`,
        `${tree}/both: ${MARKER_FOUND}`,
      ]);
    });

    test('--reload has the database reloaded', async () => {
      const before = ours.stdout.split('Database correctly reloaded').length - 1;
      expect((await clamdscan('ours', ['--reload'])).code).toBe(0);
      await ours.says('Database correctly reloaded', before + 1);
      expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
    });

    test('--ping of nobody ends with 21', async () => {
      const config = site.put('nobody.conf', `LocalSocket ${site.root}/nobody.sock\n`);
      const run = await runProgram(['clamdscan', `--config-file=${config}`, '--ping', '2:1']);
      expect(run.code).toBe(21);
    }, 20_000);

    test('--wait started before the daemon scans once it is there', async () => {
      const later = await createSite();
      const marked = later.put('marked', 'nothing to see');
      const waiting = runProgram([
        'clamdscan',
        `--config-file=${later.configFile}`,
        '--wait',
        '--no-summary',
        marked,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const daemon = await startDaemon(later);
      try {
        expect(await waiting).toMatchObject({ code: 0, stdout: `${marked}: OK\n` });
      } finally {
        await daemon.stop();
        later.remove();
      }
    }, 60_000);

    test.each([[['--stream']], [['--stream', '--multiscan']]])(
      '%j of a file over StreamMaxLength reads why, where clamd breaks the pipe',
      async (options) => {
        const narrow = await createSite(['StreamMaxLength 1M']);
        const daemon = await startDaemon(narrow);
        try {
          const large = narrow.put('large', Buffer.alloc(8_000_000, 'x'));
          for (const address of [
            `LocalSocket ${narrow.socketPath}\n`,
            `TCPSocket ${narrow.tcpPort}\nTCPAddr 127.0.0.1\n`,
          ]) {
            const config = narrow.put('client.conf', address);
            const run = await runProgram([
              'clamdscan',
              `--config-file=${config}`,
              '--no-summary',
              ...options,
              large,
            ]);
            expect(run.code).toBe(2);
            expect(run.stdout + run.stderr).toContain('INSTREAM size limit exceeded. ERROR');
          }
        } finally {
          await daemon.stop();
          narrow.remove();
        }
      },
      60_000,
    );
  });
});
