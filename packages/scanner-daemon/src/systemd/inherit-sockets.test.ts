import { openSync } from 'node:fs';
import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inheritSockets } from './inherit-sockets.js';

const { sockets, files } = openNative();
let directory: TempDir;
let opened: number[];

beforeEach(() => {
  directory = makeTempDir('inherit-');
  opened = [];
});

afterEach(() => {
  for (const fd of opened) files.close(fd);
  directory.remove();
});

function keep(fd: number): number {
  opened.push(fd);
  return fd;
}

function listening(): number {
  const fd = keep(sockets.createUnix());
  sockets.bindUnix(fd, join(directory.path, 'clamd.sock'));
  sockets.listen(fd, 5);
  return fd;
}

describe('inheritSockets', () => {
  test('takes a listening Unix socket', () => {
    const fd = listening();
    const found = inheritSockets([{ fd, name: 'x' }], sockets);
    expect(found).toEqual({ usable: [{ fd, family: 'unix' }], unusable: [] });
    expect(sockets.accept(fd)).toBe(-1); // Would wait here for ever if it still blocked.
  });

  test('says of each of the others why it is of no use, and keeps the good one', () => {
    const good = listening();
    const datagram = keep(sockets.createDatagram());
    const deaf = keep(sockets.createUnix());
    const file = keep(openSync('/dev/null', 'r'));
    const passed = [datagram, deaf, file, 1_000_000, good].map((fd) => ({ fd, name: undefined }));
    const { usable, unusable } = inheritSockets(passed, sockets);
    expect(usable).toEqual([{ fd: good, family: 'unix' }]);
    expect(unusable.map(({ fd, reason }) => [fd, reason])).toEqual([
      [datagram, expect.stringContaining('stream')],
      [deaf, expect.stringContaining('listen')],
      [file, 'is not a socket'],
      [1_000_000, 'is not open'],
    ]);
  });
});
