import { expect, test } from '@jest/globals';
import { WOULD_BLOCK } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

/** More than the readahead of one page, so that a part of it can be cached. Bytes. */
const LARGE_BYTES = 1024 * 1024;

/** The part of the contract about reads from the page cache, locks and dup2; called inside a `describe`. */
export function descriptorContract(current: () => NativeUnderTest): void {
  cachedReadCases(current);
  lockCases(current);
  duplicateCases(current);
}

function cachedReadCases(current: () => NativeUnderTest): void {
  test('readAtIfCached reads what was just written, at any offset, and never moves the shared one', () => {
    const { native, directory, writeFile, openFile, tellsWhatIsCached } = current();
    writeFile(`${directory}/file`, '0123456789');
    const fd = openFile(`${directory}/file`, 'read');
    const into = Buffer.alloc(12).subarray(3, 7); // Away from the start of its memory.
    const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 4);
    if (tellsWhatIsCached) {
      expect([native.files.readAtIfCached(fd, into, 3), into.toString()]).toEqual([4, '3456']);
      expect([native.files.readAtIfCached(fd, shared, 8), ...shared]).toEqual([2, 0x38, 0x39, 0, 0]);
      expect([10, 11].map((offset) => native.files.readAtIfCached(fd, into, offset))).toEqual([0, 0]);
      expect(native.files.readAtIfCached(fd, Buffer.alloc(0), 0)).toBe(0);
    } else {
      expect(native.files.readAtIfCached(fd, into, 3)).toBe(WOULD_BLOCK);
    }
    expect([native.files.read(fd, into), into.toString()]).toEqual([4, '0123']);
    native.files.close(fd);
  });

  test('readAtIfCached: what has left the cache is WOULD_BLOCK or the right bytes, and readAt brings it back', () => {
    const { native, directory, writeFile, openFile, dropFromCache, tellsWhatIsCached } = current();
    const path = `${directory}/large`;
    writeFile(path, 'x'.repeat(LARGE_BYTES));
    dropFromCache(path);
    const fd = openFile(path, 'read');
    const into = Buffer.alloc(LARGE_BYTES);
    const got = native.files.readAtIfCached(fd, into, 0);
    if (got !== WOULD_BLOCK) expect(into.toString('latin1', 0, got)).toBe('x'.repeat(got));
    expect(native.files.readAt(fd, into, 0)).toBe(LARGE_BYTES);
    writeFile(path, 'y'.repeat(LARGE_BYTES));
    if (tellsWhatIsCached && got !== WOULD_BLOCK)
      expect(native.files.readAtIfCached(fd, into, 0)).toBe(LARGE_BYTES);
    native.files.close(fd);
  });

  // A directory is left out: Linux says EOPNOTSUPP there before it could say EISDIR.
  test('readAtIfCached refuses what readAt refuses, and never takes -1 for the shared offset', () => {
    const { native, directory, writeFile, openFile } = current();
    const path = `${directory}/file`;
    writeFile(path, 'x');
    const refused = (fd: number, offset: number): unknown => {
      const code = codeOf(() => native.files.readAtIfCached(fd, Buffer.alloc(1), offset));
      native.files.close(fd);
      return code;
    };
    expect([
      refused(openFile(path, 'read'), -1),
      refused(openFile(path, 'write'), 0),
      refused(openFile(path, 'pathOnly'), 0),
      refused(native.sockets.createUnix(), 0),
    ]).toEqual(['EINVAL', 'EBADF', 'EBADF', 'ESPIPE']);
  });
}

function lockCases(current: () => NativeUnderTest): void {
  test('lockForWriting: heldByOther while another process has it, then ours again and again', async () => {
    const { native, directory, writeFile, openFile, lockElsewhere } = current();
    const path = `${directory}/log`;
    writeFile(path, 'x');
    const letGo = await lockElsewhere(path);
    const fd = openFile(path, 'readWrite');
    const held = native.files.lockForWriting(fd);
    expect(letGo).toBeDefined();
    await letGo?.();
    expect([held, native.files.lockForWriting(fd), native.files.lockForWriting(fd)]).toEqual([
      'heldByOther',
      'locked',
      'locked',
    ]);
    native.files.close(fd);
  });

  test('lockForWriting: no other process gets it, whatever else of the file is opened and closed here', async () => {
    const { native, directory, writeFile, openFile, lockElsewhere } = current();
    const path = `${directory}/log`;
    writeFile(path, 'x');
    const fd = openFile(path, 'readWrite');
    expect(native.files.lockForWriting(fd)).toBe('locked');
    const second = openFile(path, 'write');
    expect(native.files.lockForWriting(second)).toBe('heldByOther');
    for (const open of [second, openFile(path, 'read')]) native.files.close(open);
    expect(await lockElsewhere(path)).toBeUndefined();
    native.files.close(fd);
    const letGo = await lockElsewhere(path);
    expect(letGo).toBeDefined();
    await letGo?.();
  });

  test('lockForWriting: EBADF for a descriptor that cannot write', () => {
    const { native, directory, writeFile, openFile } = current();
    writeFile(`${directory}/log`, 'x');
    const fds = [openFile(`${directory}/log`, 'read'), openFile(`${directory}/log`, 'pathOnly')];
    expect(fds.map((fd) => codeOf(() => native.files.lockForWriting(fd)))).toEqual(['EBADF', 'EBADF']);
    for (const fd of fds) native.files.close(fd);
  });
}

function duplicateCases(current: () => NativeUnderTest): void {
  test('duplicateOnto: both numbers share one offset, and the other survives the close of the first', () => {
    const { native, directory, writeFile, openFile, countOpenFds } = current();
    const { files } = native;
    writeFile(`${directory}/a`, 'abcdef');
    writeFile(`${directory}/b`, '012345');
    const [a, b] = [openFile(`${directory}/a`, 'read'), openFile(`${directory}/b`, 'read')];
    const fdsBefore = countOpenFds();
    files.duplicateOnto(a, b);
    files.duplicateOnto(a, a);
    const into = Buffer.alloc(2);
    const read = (fd: number): string => into.toString('latin1', 0, files.read(fd, into));
    expect([read(a), read(b)]).toEqual(['ab', 'cd']);
    expect(countOpenFds()).toBe(fdsBefore);
    files.close(a);
    expect(read(b)).toBe('ef');
    files.duplicateOnto(b, a); // A free number is taken.
    files.close(b);
    expect([read(a), codeOf(() => files.read(b, into))]).toEqual(['', 'EBADF']);
    files.close(a);
  });

  test('duplicateOnto: EBADF for a closed or impossible number, and the target stays what it was', () => {
    const { native, directory, writeFile, openFile } = current();
    writeFile(`${directory}/a`, 'a');
    const [a, gone] = [openFile(`${directory}/a`, 'read'), openFile(`${directory}/a`, 'read')];
    native.files.close(gone);
    const onto = (fd: number, target: number): unknown =>
      codeOf(() => {
        native.files.duplicateOnto(fd, target);
      });
    expect([onto(gone, a), onto(-1, a), onto(a, -1)]).toEqual(['EBADF', 'EBADF', 'EBADF']);
    expect(native.files.read(a, Buffer.alloc(1))).toBe(1);
    native.files.close(a);
  });

  test('duplicateOnto: a connection ends when its last number is taken by something else', () => {
    const { native, directory, writeFile, openFile } = current();
    const { sockets, files } = native;
    const [listener, client] = [sockets.createUnix(), sockets.createUnix()];
    sockets.bindUnix(listener, `${directory}/s`);
    sockets.listen(listener, 1);
    sockets.connectUnix(client, `${directory}/s`);
    const server = sockets.accept(listener);
    writeFile(`${directory}/log`, 'x');
    const log = openFile(`${directory}/log`, 'write');
    files.duplicateOnto(log, client);
    expect(sockets.receive(server)?.bytes.length).toBe(0);
    for (const fd of [listener, client, server, log]) files.close(fd);
  });
}
