import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { emptyFileStatus } from '../native/files.js';
import { WOULD_BLOCK } from '../native/native-api.js';
import { datagramContract } from './datagram-contract.js';
import { descriptorContract } from './descriptor-contract.js';
import { directoryContract } from './directory-contract.js';
import { inotifyContract } from './inotify-contract.js';
import { leaseContract } from './lease-contract.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';
import { patternContract } from './pattern-contract.js';
import { socketContract } from './socket-contract.js';
import { tcpContract } from './tcp-contract.js';

/**
 * What every NativeApi must do, registered as Jest cases. Each case closes what it opens: a descriptor left over
 * fails it.
 */
export function nativeContract(name: string, create: () => NativeUnderTest): void {
  describe(`native contract: ${name}`, () => {
    let system: NativeUnderTest;
    let fdsBefore = 0;
    beforeEach(() => {
      system = create();
      fdsBefore = system.countOpenFds();
    });
    afterEach(() => {
      const { openHandles } = system.native.poller;
      const fdsLeft = system.countOpenFds() - fdsBefore;
      system.dispose();
      expect({ openHandles, fdsLeft }).toEqual({ openHandles: 0, fdsLeft: 0 });
    });
    fileContract(() => system);
    descriptorContract(() => system);
    directoryContract(() => system);
    socketContract(() => system);
    datagramContract(() => system);
    tcpContract(() => system);
    inotifyContract(() => system);
    leaseContract(() => system);
    patternContract(() => system);
    test('limits: more open files than the hard limit are had or not, and never fewer', () => {
      const { limits } = system.native;
      const before = limits.raiseOpenFiles();
      expect([before, before + 1]).toContain(limits.raiseOpenFiles(before + 1));
      expect(limits.raiseOpenFiles(8)).toBeGreaterThanOrEqual(before);
      expect(limits.raiseOpenFiles(Number.MAX_SAFE_INTEGER)).toBeGreaterThanOrEqual(before);
    });
    test('limits: the open-file limit is raised to a number above what is in use', () => {
      expect(system.native.limits.raiseOpenFiles()).toBeGreaterThan(system.countOpenFds());
    });
  });
}

function fileContract(current: () => NativeUnderTest): void {
  const withFile = (content: string): { path: string; fd: number } => {
    const { directory, writeFile, openFile } = current();
    const path = `${directory}/file`;
    writeFile(path, content);
    return { path, fd: openFile(path, 'read') };
  };

  test('status and statusOfPath tell the same inode, its size and its type', () => {
    const { files } = current().native;
    const { path, fd } = withFile('twelve bytes');
    const [byFd, byPath] = [emptyFileStatus(), emptyFileStatus()];
    files.status(fd, byFd);
    files.statusOfPath(path, byPath);
    expect(byFd).toEqual(byPath);
    expect(byFd).toMatchObject({ sizeBytes: 12, linkCount: 1, uid: current().identity.uid });
    expect(byFd.mode & 0o170000).toBe(0o100000);
    files.close(fd);
  });

  test('filesystemType tells a number that stays the same, and EBADF where nothing is open', () => {
    const { files } = current().native;
    const { fd } = withFile('x');
    const type = files.filesystemType(fd);
    expect(type).toBeGreaterThan(0);
    expect(files.filesystemType(fd)).toBe(type);
    files.close(fd);
    expect(codeOf(() => files.filesystemType(fd))).toBe('EBADF');
  });

  test('a rewrite changes the ctime or the size, never the inode number', async () => {
    const { files } = current().native;
    const { path, fd } = withFile('first');
    const [before, after] = [emptyFileStatus(), emptyFileStatus()];
    files.status(fd, before);
    await new Promise((resolve) => setTimeout(resolve, 20)); // Past the kernel's coarse clock tick.
    current().writeFile(path, 'other');
    files.status(fd, after);
    expect(after.inodeLow).toBe(before.inodeLow);
    expect([after.ctimeSeconds, after.ctimeNs]).not.toEqual([before.ctimeSeconds, before.ctimeNs]);
    files.close(fd);
  });

  test('statusOfPath: ENOENT for a missing file; a final symbolic link is told as itself', () => {
    const { native, directory, symlink } = current();
    const into = emptyFileStatus();
    expect(
      codeOf(() => {
        native.files.statusOfPath(`${directory}/missing`, into);
      }),
    ).toBe('ENOENT');
    symlink('nowhere', `${directory}/link`);
    native.files.statusOfPath(`${directory}/link`, into);
    expect(into.mode & 0o170000).toBe(0o120000);
    expect(native.files.readLink(`${directory}/link`)).toBe('nowhere');
  });

  test('readLink: EINVAL for what is no link, and an own fd is told by its path', () => {
    const { files } = current().native;
    const { path, fd } = withFile('x');
    expect(codeOf(() => files.readLink(path))).toBe('EINVAL');
    expect(files.readLink(`/proc/self/fd/${fd}`)).toBe(path);
    files.close(fd);
  });

  test('readAt never moves the shared offset that read advances', () => {
    const { files } = current().native;
    const { fd } = withFile('0123456789');
    const into = Buffer.alloc(4);
    expect([files.readAt(fd, into, 6), into.toString()]).toEqual([4, '6789']);
    expect([files.read(fd, into), into.toString()]).toEqual([4, '0123']);
    expect([files.readAt(fd, into, 8), into.toString('latin1', 0, 2)]).toEqual([2, '89']);
    expect(files.readAt(fd, into, 10)).toBe(0);
    expect([files.read(fd, into), into.toString()]).toEqual([4, '4567']);
    expect(codeOf(() => files.readAt(fd, into, -1))).toBe('EINVAL');
    files.close(fd);
  });

  test('a closed fd is EBADF for every call', () => {
    const { files, sockets, leases } = current().native;
    const { fd } = withFile('x');
    files.close(fd);
    const calls = [
      () => {
        files.close(fd);
      },
      () => files.read(fd, Buffer.alloc(1)),
      () => files.readAt(fd, Buffer.alloc(1), 0),
      () => {
        files.status(fd, emptyFileStatus());
      },
      () => files.accessMode(fd),
      () => files.readAtIfCached(fd, Buffer.alloc(1), 0),
      () => files.lockForWriting(fd),
      () => {
        files.duplicateOnto(fd, 0);
      },
      () => sockets.describe(fd),
      () => {
        sockets.adopt(fd);
      },
      () => sockets.sendTo(fd, Buffer.from('x'), '@nobody'),
      () => sockets.receive(fd),
      () => sockets.send(fd, Buffer.from('x')),
    ];
    expect(calls.map(codeOf)).toEqual(calls.map(() => 'EBADF'));
    expect(leases.probe(fd)).toBe('unsupported');
  });

  test('accessMode tells how a file was opened, and only two modes can be read from', () => {
    const { native, openFile } = current();
    const { path, fd } = withFile('x');
    native.files.close(fd);
    const tryAll = (['read', 'readWrite', 'write', 'pathOnly'] as const).map((access) => {
      const opened = openFile(path, access);
      const told = native.files.accessMode(opened);
      const reading = codeOf(() => native.files.readAt(opened, Buffer.alloc(1), 0));
      native.files.close(opened);
      return [access, told, reading];
    });
    expect(tryAll).toEqual([
      ['read', 'read', undefined],
      ['readWrite', 'readWrite', undefined],
      ['write', 'write', 'EBADF'],
      ['pathOnly', 'pathOnly', 'EBADF'],
    ]);
  });

  test('handleOfPath: equal for equal inodes, different for others, ENOENT for none', () => {
    const { native, directory, writeFile } = current();
    writeFile(`${directory}/a`, 'a');
    writeFile(`${directory}/b`, 'b');
    const [a, again, b] = ['a', 'a', 'b'].map((name) => native.files.handleOfPath(`${directory}/${name}`));
    expect(a).toEqual(again);
    expect(a?.bytes.equals(b?.bytes ?? Buffer.alloc(0))).toBe(false);
    expect(codeOf(() => native.files.handleOfPath(`${directory}/missing`))).toBe('ENOENT');
  });

  test('a lease probe sees every open description that can write, its own included', () => {
    const { native, openFile, directory } = current();
    const { path, fd } = withFile('x');
    expect(native.leases.probe(fd)).toBe('noWriter');
    const reader = openFile(path, 'read');
    expect(native.leases.probe(fd)).toBe('noWriter');
    const writer = openFile(path, 'write');
    expect(native.leases.probe(fd)).toBe('writer');
    const both = openFile(path, 'readWrite');
    expect(native.leases.probe(both)).toBe('writer');
    native.files.close(writer);
    expect(native.leases.probe(fd)).toBe('writer');
    native.files.close(both);
    expect(native.leases.probe(fd)).toBe('noWriter');
    const folder = openFile(directory, 'read');
    expect(native.leases.probe(folder)).toBe('unsupported');
    for (const open of [fd, reader, folder]) native.files.close(open);
  });

  test('read and readAt refuse a directory with EISDIR', () => {
    const { native, openFile, directory } = current();
    const folder = openFile(directory, 'read');
    expect(codeOf(() => native.files.readAt(folder, Buffer.alloc(1), 0))).toBe('EISDIR');
    expect(codeOf(() => native.files.read(folder, Buffer.alloc(1)))).toBe('EISDIR');
    native.files.close(folder);
    expect(WOULD_BLOCK).toBeLessThan(0);
  });
}
