import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { setSocketAccess } from './socket-access.js';

let directory: TempDir;
let server: Server;
let socketPath: string;
beforeEach(async () => {
  directory = makeTempDir('access');
  socketPath = join(directory.path, 's');
  server = createServer();
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  directory.remove();
});

describe('setSocketAccess', () => {
  test('sets the mode, whatever it was', () => {
    chmodSync(socketPath, 0);
    setSocketAccess(socketPath, { mode: 0o640 });
    expect(statSync(socketPath).mode & 0o777).toBe(0o640);
  });

  test('a link in the place of the socket is not followed, and a file is left alone', () => {
    const file = join(directory.path, 'file');
    const link = join(directory.path, 'link');
    writeFileSync(file, '', { mode: 0o600 });
    symlinkSync(file, link);
    for (const path of [file, link]) {
      expect(() => {
        setSocketAccess(path, { mode: 0o666 });
      }).toThrow('not a socket');
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
