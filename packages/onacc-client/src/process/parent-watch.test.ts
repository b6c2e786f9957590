import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { watchParent } from './parent-watch.js';

const MODULE = fileURLToPath(new URL('./parent-watch.js', import.meta.url));
const WATCHER = `
  import { watchParent } from ${JSON.stringify(MODULE)};
  const watch = watchParent(process.env, () => { console.log('gone'); process.exit(5); });
  console.log(watch === undefined ? 'no watch' : 'watching', 'PORTCULLIS_PARENT_FD' in process.env);
  setInterval(() => {}, 1000);
`;

describe('watchParent', () => {
  test('tells when the other end of the pipe is closed, and takes the variable away', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WATCHER], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      env: { ...process.env, PORTCULLIS_PARENT_FD: '3' },
    });
    let said = '';
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        if (said.includes('\n')) resolve();
      });
    });
    expect(said).toBe('watching false\n');
    const ended = new Promise((resolve) => child.on('close', resolve));
    const pipe = child.stdio[3];
    if (pipe === null || pipe === undefined) throw new Error('no pipe');
    pipe.destroy();
    expect(await ended).toBe(5);
    expect(said).toBe('watching false\ngone\n');
  }, 20_000);

  test.each([[undefined], [''], ['1'], ['x'], ['9999'], ['-3'], ['3.5']])(
    '%j names no pipe to watch',
    (text) => {
      const env = { PORTCULLIS_PARENT_FD: text };
      expect(watchParent(env, () => undefined)).toBeUndefined();
      expect(env).toEqual({});
    },
  );

  test('a file is not watched, and not closed', () => {
    const fd = openSync('/dev/null', 'r');
    expect(watchParent({ PORTCULLIS_PARENT_FD: String(fd) }, () => undefined)).toBeUndefined();
    closeSync(fd);
  });
});
