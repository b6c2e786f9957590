import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { runQuarantine } from '../../src/actions/quarantine-command.js';
import { ActionsFixture } from './actions-fixture.js';

jest.setTimeout(60_000);

const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
const run = promisify(execFile);

let at: ActionsFixture;
beforeEach(() => {
  at = new ActionsFixture();
});
afterEach(async () => {
  await at.remove();
});

/** Exit code of a program that failed. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function quarantine(...args: string[]): Promise<Said> {
  let [out, err] = ['', ''];
  const code = await runQuarantine([...args, '--directory', at.quarantine], {
    write: (text) => (out += text),
    writeError: (text) => (err += text),
    files: at.native.files,
    nowMs: () => 1_700_000_000_000 + 10 * 86_400_000,
  });
  return { code, out, err };
}

describeOrSkip('onacc-client quarantine list', notRoot, () => {
  test('an empty quarantine, also one that was never used, is no error', async () => {
    expect(await quarantine('list')).toEqual({
      ...{ code: 0, err: '' },
      out: `nothing is quarantined in '${at.quarantine}'\n`,
    });
    expect(await quarantine('list', '--json')).toMatchObject({ code: 0, out: '[]\n' });
    expect(readdirSync(at.quarantine)).toEqual([]);
  });

  test('shows name, signature, time, size and path, and what has no record as such', async () => {
    const path = at.write('x', 'bad');
    await at.once('move', path);
    writeFileSync(`${at.quarantine}/stranger`, 'of clamonacc');
    const { out } = await quarantine('list');
    expect(out).toContain(
      `x         ok         2023-11-14T22:13:20.000Z  3      Test.Eicar  ${path.toString()}\n`,
    );
    expect(out).toMatch(/^stranger {2}no record .* 12 /m);
    expect(out).toMatch(/2 files\n$/);
  });

  test('a file whose name looks like a record that is being written is ours all the same', async () => {
    const names = ['.new-file', `.new-${'0'.repeat(32)}`, '.new-x.json'];
    for (const name of names) await at.once('move', at.write(name, 'bad'));
    const { out } = await quarantine('list');
    expect(out).not.toContain('no record');
    expect(out).toMatch(/3 files\n$/);
    expect(await quarantine('purge', '--all', '--yes')).toMatchObject({ code: 0, err: '' });
    expect((await quarantine('list')).out).toContain('nothing is quarantined');
  });

  test('names with control characters cannot touch a terminal, and are exact in --json', async () => {
    const path = at.write(Buffer.from('\u001b]0;x\u0007\u202eé\n\xff', 'latin1'));
    await at.once('move', path);
    const human = await quarantine('list');
    expect(
      Buffer.from(human.out.replaceAll('\n', ''), 'utf8').every((byte) => byte >= 0x20 && byte !== 0x7f),
    ).toBe(true);
    expect(human.out.split('\n')).toHaveLength(4);
    const { out } = await quarantine('list', '--json');
    expect(Buffer.from(out).every((byte) => (byte >= 0x20 || byte === 0x0a) && byte < 0x7f)).toBe(true);
    const [entry] = JSON.parse(out) as { pathBase64: string }[]; // our own words
    expect(Buffer.from(entry?.pathBase64 ?? '', 'base64')).toEqual(path);
  });

  test('damaged and missing records and files are told for what they are', async () => {
    for (const name of ['damaged', 'missing', 'huge', 'link', 'fine']) await at.once('move', at.write(name));
    writeFileSync(`${at.quarantine}/.portcullis/damaged.json`, '{"version":1}');
    unlinkSync(`${at.quarantine}/missing`);
    writeFileSync(`${at.quarantine}/.portcullis/huge.json`, 'x'.repeat(100_000));
    unlinkSync(`${at.quarantine}/.portcullis/link.json`);
    symlinkSync('/etc/passwd', `${at.quarantine}/.portcullis/link.json`);
    const { code, out } = await quarantine('list', '--json');
    const states = (JSON.parse(out) as { file: string; state: string }[]).map(({ file, state }) => [
      file,
      state,
    ]);
    expect([code, states]).toEqual([
      0,
      [
        ['damaged', 'damaged'],
        ['fine', 'whole'],
        ['huge', 'damaged'],
        ['link', 'damaged'],
        ['missing', 'missing'],
      ],
    ]);
    expect((await quarantine('restore', 'damaged')).err).toMatch(/record of 'damaged' is damaged/);
    expect((await quarantine('restore', 'missing')).err).toMatch(/itself is gone/);
    expect((await quarantine('restore', 'link')).code).toBe(1);
    expect((await quarantine('purge', 'damaged', '--yes')).out).toBe('damaged: purged\n');
    expect(at.quarantined().sort()).toEqual(['fine', 'huge', 'link']);
  });
});

describeOrSkip('onacc-client quarantine restore', notRoot, () => {
  test('gives the file its place, owner, mode and times back, and takes it out of the quarantine', async () => {
    const path = at.write('x', 'wrongly accused').toString();
    chownSync(path, 1234, 2345);
    chmodSync(path, 0o6755);
    utimesSync(path, 1_600_000_000, 1_500_000_000.5);
    await at.once('move', path);
    const { code, out } = await quarantine('restore', 'x');
    expect(out).toContain(`${path}: restored from '${at.quarantine}/x'\n`);
    expect(out).toMatch(/refused again/);
    expect(code).toBe(0);
    const { mode, uid, gid, mtimeMs } = statSync(path);
    expect({ mode: mode & 0o7777, uid, gid, mtimeMs }).toEqual({
      ...{ mode: 0o6755, uid: 1234, gid: 2345, mtimeMs: 1_500_000_000_500 },
    });
    expect(readFileSync(path, 'utf8')).toBe('wrongly accused');
    expect([...at.quarantined(), ...at.records(), ...readdirSync(at.tree)]).toEqual(['x']);
  });

  test('restores a path that is no UTF-8, byte for byte', async () => {
    const path = at.write(Buffer.from([0x61, 0xff, 0x0a]), 'odd');
    await at.once('move', path);
    expect(await quarantine('restore', 'a__')).toMatchObject({ code: 0 });
    expect(readFileSync(path, 'utf8')).toBe('odd');
  });

  test('replaces nothing', async () => {
    const path = at.write('x', 'infected');
    await at.once('move', path);
    at.write('x', 'new');
    for (const to of [[], ['--to', path.toString()], ['--to', at.tree]]) {
      expect(await quarantine('restore', 'x', ...to)).toMatchObject({
        ...{ code: 1, err: expect.stringMatching(/exists already/) },
      });
    }
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(at.quarantined()).toEqual(['x']);
    expect(await quarantine('restore', 'x', '--to', at.path('y'))).toMatchObject({ code: 0 });
    expect(readFileSync(at.path('y'), 'utf8')).toBe('infected');
  });

  test('follows no symbolic link that somebody put on the way since', async () => {
    mkdirSync(at.path('home/d'), { recursive: true });
    mkdirSync(at.path('target'));
    await at.once('move', at.write('home/d/x'));
    renameSync(at.path('home'), at.path('home.away'));
    symlinkSync(at.path('target'), at.path('home'));
    mkdirSync(at.path('target/d'));
    expect(await quarantine('restore', 'x')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/--to PATH/),
    });
    expect(readdirSync(at.path('target/d'))).toEqual([]);
    expect(at.quarantined()).toEqual(['x']);
    // Whoever types a path means it.
    expect(await quarantine('restore', 'x', '--to', at.path('home/d/x'))).toMatchObject({ code: 0 });
  });

  test('a place that is gone, and content that changed, leave the file in the quarantine', async () => {
    mkdirSync(at.path('d'));
    await at.once('move', at.write('d/x'));
    rmSync(at.path('d'), { recursive: true });
    expect(await quarantine('restore', 'x')).toMatchObject({ code: 1, err: expect.stringMatching(/ENOENT/) });
    writeFileSync(`${at.quarantine}/x`, 'changed');
    const { code, err } = await quarantine('restore', 'x', '--to', at.path('x'));
    expect([code, err]).toEqual([1, expect.stringMatching(/SHA-256 differs/)]);
    expect([...at.quarantined(), ...readdirSync(at.tree)]).toEqual(['x']);
  });

  test('a path of a container is not taken for one of the host', async () => {
    const path = at.write('x', 'of a container');
    await at.once('move', path);
    const record = `${at.quarantine}/.portcullis/x.json`;
    writeFileSync(
      record,
      readFileSync(record, 'utf8').replace('"isElsewhere": false', '"isElsewhere": true'),
    );
    expect(await quarantine('restore', 'x')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/--to PATH/),
    });
    expect(await quarantine('restore', 'x', '--to', at.path('y'))).toMatchObject({ code: 0 });
  });

  test('a file whose action was cut short is restored all the same', async () => {
    const path = at.write('x', 'half way');
    await at.once('move', path);
    renameSync(`${at.quarantine}/x`, `${at.quarantine}/.incoming-${at.record('x').id}`);
    expect((await quarantine('list')).out).toMatch(/^x +unfinished /m);
    expect(await quarantine('restore', 'x')).toMatchObject({ code: 0 });
    expect(readFileSync(path, 'utf8')).toBe('half way');
    expect([...at.quarantined(), ...at.records()]).toEqual([]);
  });

  test.each([
    '../x',
    '/etc/passwd',
    '..',
    '.',
    '',
    'a/b',
    'x\0',
    '.portcullis/x',
    '../quarantine/x',
    '.portcullis',
  ])('NAME is a name in the quarantine and no path: %j', async (name) => {
    await at.once('move', at.write('x'));
    for (const verb of ['restore', 'purge']) {
      const { code, err } = await quarantine(verb, name, ...(verb === 'purge' ? ['--yes'] : []));
      expect([code, err]).toEqual([1, expect.stringMatching(/no record of a quarantined file/)]);
    }
    expect(at.quarantined()).toEqual(['x']);
  });

  test('while another process has it in hand, it is left alone', async () => {
    await at.once('move', at.write('x'));
    const fd = openSync(`${at.quarantine}/.portcullis/x.json`, 'r+');
    expect(at.native.files.lockForWriting(fd)).toBe('locked');
    for (const args of [
      ['restore', 'x'],
      ['purge', 'x', '--yes'],
      ['purge', '--all', '--yes'],
    ]) {
      expect(await quarantine(...args)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/another process/),
      });
    }
    closeSync(fd);
    expect(await quarantine('restore', 'x')).toMatchObject({ code: 0 });
  });

  test('of eight processes that restore one file at once exactly one does', async () => {
    const command = fileURLToPath(new URL('../../src/actions/quarantine-command.js', import.meta.url));
    const script = `
      const { runQuarantine } = await import(${JSON.stringify(command)});
      const { openNative } = await import('@portcullis/shared/native');
      process.exitCode = await runQuarantine(process.argv.slice(1), { write: () => {}, writeError: () => {},
        files: openNative().files, nowMs: Date.now });`;
    const path = at.write('x', 'once');
    await at.once('move', path);
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const codes = await Promise.all(
      Array.from({ length: 8 }, () =>
        run(process.execPath, ['--input-type=module', '-e', script, 'restore', 'x', at.quarantine], {
          cwd,
        }).then(
          () => 0,
          (error: unknown) => codeOf(error),
        ),
      ),
    );
    expect(codes.sort()).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(readFileSync(path, 'utf8')).toBe('once');
    expect([...at.quarantined(), ...at.records(), ...readdirSync(at.tree)]).toEqual(['x']);
  });
});

describeOrSkip('onacc-client quarantine purge', notRoot, () => {
  test('deletes nothing without --yes, and says what it would', async () => {
    await at.once('move', at.write('x'));
    expect(await quarantine('purge', '--all')).toEqual({
      ...{ code: 1, out: 'x\n', err: 'nothing was deleted: say --yes to delete it\n' },
    });
    expect(at.quarantined()).toEqual(['x']);
  });

  test('one, those of a certain age, or all; never a file without a record', async () => {
    for (const name of ['x', 'y', 'z']) await at.once('move', at.write(name));
    const young = { ...at.judged(at.write('young')), detectedAtMs: 1_700_000_000_000 + 9 * 86_400_000 };
    await at.actions('move').act(young);
    writeFileSync(`${at.quarantine}/stranger`, '');
    expect(await quarantine('purge', 'x', '--yes')).toMatchObject({ code: 0, out: 'x: purged\n' });
    expect(await quarantine('purge', '--older-than', '2', '--yes')).toMatchObject({
      out: 'y: purged\nz: purged\n',
    });
    expect(await quarantine('purge', 'stranger', '--yes')).toMatchObject({ code: 1 });
    expect(await quarantine('purge', '--all', '--yes')).toMatchObject({ code: 0, out: 'young: purged\n' });
    expect([...at.quarantined(), ...at.records()]).toEqual(['stranger']);
  });
});

describeOrSkip('onacc-client quarantine', notRoot, () => {
  test.each([
    [],
    ['burn'],
    ['list', 'one', 'two'],
    ['restore'],
    ['purge'],
    ['purge', '--older-than', 'week'],
    ['purge', '--all', '--older-than', '1'],
    ['list', '--verbose'],
  ])('wrong arguments are told with the usage: %s %s %s', async (...args) => {
    const { code, out, err } = await quarantine(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/usage: onacc-client quarantine list/);
  });

  test('--help tells the usage and is no mistake', async () => {
    const { code, out } = await quarantine('--help');
    expect(code).toBe(0);
    expect(out).toMatch(/usage: onacc-client quarantine list/);
  });

  test('a directory that is not there, or that others could change, is not touched', async () => {
    rmSync(at.quarantine, { recursive: true });
    expect(await quarantine('list')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/is unavailable: .*ENOENT/),
    });
    mkdirSync(at.quarantine);
    chmodSync(at.quarantine, 0o777);
    expect(await quarantine('list')).toMatchObject({ code: 2, err: expect.stringMatching(/by everybody/) });
    expect(existsSync(`${at.quarantine}/.portcullis`)).toBe(false);
  });

  test('the directory can be an operand', async () => {
    let out = '';
    const io = {
      write: (text: string) => (out += text),
      writeError: () => undefined,
      files: at.native.files,
    };
    expect(await runQuarantine(['list', at.quarantine], { ...io, nowMs: () => 0 })).toBe(0);
    expect(out).toMatch(/nothing is quarantined/);
  });
});
