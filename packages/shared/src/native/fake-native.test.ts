import { describe, expect, test } from '@jest/globals';
import { nativeContract } from '../testing/native-contract.js';
import { fanotifyContract } from '../testing/fanotify-contract.js';
import { codeOf } from '../testing/native-under-test.js';
import {
  FAN_ALLOW,
  FAN_CLASS_CONTENT,
  FAN_DENY,
  FAN_EVENT_ON_CHILD,
  FAN_MARK_ADD,
  FAN_OPEN_EXEC_PERM,
  FAN_OPEN_PERM,
  FAN_Q_OVERFLOW,
  FAN_REPORT_FD_ERROR,
} from './constants.js';
import { FakeNative } from './fake-native.js';
import { WOULD_BLOCK } from './native-api.js';

nativeContract('FakeNative', () => {
  const fake = new FakeNative();
  fake.disk.makeDirectory('/tmp/contract');
  return {
    native: fake,
    directory: '/tmp/contract',
    identity: fake.identity,
    writeFile: (path, content) => {
      fake.disk.writeFile(path, content);
    },
    makeDirectory: (path) => {
      fake.disk.makeDirectory(path);
    },
    rename: (from, to) => {
      fake.disk.rename(from, to);
    },
    remove: (path) => {
      fake.disk.remove(path);
    },
    symlink: (target, path) => {
      fake.disk.symlink(target, path);
    },
    openFile: (path, access) => fake.openFile(path, access),
    tellsWhatIsCached: true,
    dropFromCache: (path) => {
      fake.setCached(path, 0);
    },
    openForWriting: async (path) => {
      const held = await fake.opener.hold(path, { write: true });
      if (held.outcome === 'allowed') held.close();
    },
    lockElsewhere: (path) => {
      const letGo = fake.lockElsewhere(path);
      return Promise.resolve(
        letGo === undefined
          ? undefined
          : () => {
              letGo();
              return Promise.resolve();
            },
      );
    },
    bindAbstract: (fd, name) => {
      fake.bindAbstract(fd, name);
    },
    connectTcp: (to) => fake.connectTcp(to),
    countOpenFds: () => fake.openFdCount,
    dispose: () => undefined,
  };
});

fanotifyContract('FakeNative', () => {
  const fake = new FakeNative();
  fake.disk.makeDirectory('/tmp/contract');
  return {
    native: fake,
    directory: '/tmp/contract',
    writeFile: (path, content) => {
      fake.disk.writeFile(path, content);
    },
    open: (path, options) => fake.opener.open(path, options),
    dispose: () => Promise.resolve(),
  };
});

describe('FakeNative', () => {
  /** A fake with one marked directory that holds /srv/file. */
  const guarded = (flags = FAN_CLASS_CONTENT, fake = new FakeNative()) => {
    fake.disk.writeFile('/srv/file', 'content');
    const group = fake.fanotify.createGroup(flags, 0);
    const mask = FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_EVENT_ON_CHILD;
    fake.fanotify.markPath(group, FAN_MARK_ADD, mask, '/srv');
    return { fake, group };
  };
  const read = (fake: FakeNative, group: number): Buffer => {
    const record = Buffer.alloc(24);
    expect(fake.fanotify.readEvents(group, record)).toBe(24);
    return record;
  };
  const respond = (fake: FakeNative, group: number, fd: number, response: number): void => {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(fd, 0);
    bytes.writeUInt32LE(response, 4);
    fake.fanotify.respond(group, bytes, 1);
    fake.files.close(fd);
  };

  test('setCached: the file is read up to where the cache ends, and a write changes nothing about that', () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/half', '0123456789');
    fake.setCached('/srv/half', 4);
    const [fd, into] = [fake.openFile('/srv/half'), Buffer.alloc(10)];
    expect([2, 4, 9, 10].map((offset) => fake.files.readAtIfCached(fd, into, offset))).toEqual([
      2,
      WOULD_BLOCK,
      WOULD_BLOCK,
      0,
    ]);
    expect(fake.files.readAt(fd, into, 0)).toBe(10);
  });

  test('inheritSocket: told as what it is, adoptable, and no partner for a talk', () => {
    const fake = new FakeNative();
    const description = { family: 'inet6', type: 'stream', isListening: true } as const;
    const fd = fake.inheritSocket(description);
    fake.sockets.adopt(fd);
    expect(fake.sockets.describe(fd)).toEqual(description);
    expect(codeOf(() => fake.sockets.receive(fd))).toBe('ENOTSUP'); // Node's name of EOPNOTSUPP.
    fake.files.close(fd);
  });

  test('failNext: fails the next call of that name once, and tells EAGAIN by value', () => {
    const fake = new FakeNative();
    fake.failNext('createUnix', 'EMFILE');
    fake.failNext('createUnix', 'ENOMEM');
    expect(codeOf(() => fake.sockets.createUnix())).toBe('EMFILE');
    expect(codeOf(() => fake.sockets.createUnix())).toBe('ENOMEM');
    const fd = fake.sockets.createUnix();
    fake.failNext('send', 'EAGAIN');
    fake.failNext('send', 'EPIPE');
    expect(fake.sockets.send(fd, Buffer.from('x'))).toBe(WOULD_BLOCK);
    expect(codeOf(() => fake.sockets.send(fd, Buffer.from('x')))).toBe('EPIPE');
    fake.failNext('close', 'EIO');
    expect(
      codeOf(() => {
        fake.files.close(fd);
      }),
    ).toBe('EIO');
    expect(fake.openFdCount).toBe(0);
  });

  test('opener: pid and the order of an execution reach the group, unansweredEvents counts who waits', async () => {
    const { fake, group } = guarded();
    const opener = fake.opener.open('/srv/file', { pid: 77, exec: true });
    expect(fake.unansweredEvents).toBe(1);
    const first = read(fake, group);
    expect([Number(first.readBigUInt64LE(8)), first.readInt32LE(20)]).toEqual([FAN_OPEN_EXEC_PERM, 77]);
    respond(fake, group, first.readInt32LE(16), FAN_ALLOW);
    await new Promise(setImmediate);
    const second = read(fake, group);
    expect([Number(second.readBigUInt64LE(8)), fake.unansweredEvents]).toEqual([FAN_OPEN_PERM, 1]);
    respond(fake, group, second.readInt32LE(16), FAN_DENY);
    expect(await opener).toBe('EPERM');
    expect([fake.unansweredEvents, fake.openFdCount]).toEqual([0, 1]);
  });

  test('opener.hold: a writer stays a writer until it closes, and its write reaches the disk', async () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/file', 'old');
    const fd = fake.openFile('/srv/file');
    const held = await fake.opener.hold('/srv/file', { write: true });
    if (held.outcome !== 'allowed') throw new Error('nobody was there to deny it');
    held.write('newer');
    const into = Buffer.alloc(8);
    expect([fake.files.readAt(fd, into, 0), fake.leases.probe(fd)]).toEqual([5, 'writer']);
    held.close();
    expect(fake.leases.probe(fd)).toBe('noWriter');
    expect(
      codeOf(() => {
        held.write('late');
      }),
    ).toBe('EBADF');
  });

  test('an event whose fd cannot be made: the opener is refused, the error is thrown or told in the record', async () => {
    const plain = guarded();
    plain.fake.failNext('eventFd', 'EMFILE');
    const refused = plain.fake.opener.open('/srv/file');
    expect(codeOf(() => plain.fake.fanotify.readEvents(plain.group, Buffer.alloc(24)))).toBe('EMFILE');
    expect(await refused).toBe('EPERM');

    const { fake, group } = guarded(FAN_CLASS_CONTENT | FAN_REPORT_FD_ERROR);
    fake.failNext('eventFd', 'EAGAIN');
    const told = fake.opener.open('/srv/file');
    expect(read(fake, group).readInt32LE(16)).toBe(-11);
    expect(await told).toBe('EPERM');
    expect([fake.unansweredEvents, fake.openFdCount]).toEqual([0, 1]);
  });

  test('a full descriptor table: accept leaves the connection waiting, receive drops the descriptor', () => {
    const fake = new FakeNative({ openFilesSoft: 4 });
    const { sockets, files } = fake;
    fake.disk.writeFile('/srv/file', 'x');
    const listener = sockets.createUnix();
    sockets.bindUnix(listener, '/run/s');
    sockets.listen(listener, 1);
    const [client, file, spare] = [
      sockets.createUnix(),
      fake.openFile('/srv/file'),
      fake.openFile('/srv/file'),
    ];
    sockets.connectUnix(client, '/run/s');
    expect(codeOf(() => sockets.accept(listener))).toBe('EMFILE');
    sockets.sendWithFd(client, Buffer.from('x'), file);
    files.close(spare);
    const server = sockets.accept(listener);
    expect(sockets.receive(server)).toEqual({ bytes: Buffer.from('x'), fds: [] });
    fake.limits.raiseOpenFiles();
    expect(sockets.createUnix()).toBeGreaterThan(0);
  });

  test('a full queue allows unasked and leaves one overflow record behind', async () => {
    const { fake, group } = guarded();
    const held = Array.from({ length: 16_384 }, () => fake.opener.open('/srv/file'));
    expect(await fake.opener.open('/srv/file')).toBe('allowed');
    expect(await fake.opener.open('/srv/file')).toBe('allowed');
    expect(fake.unansweredEvents).toBe(16_384);
    const fds = Array.from({ length: 1_000 }, () => read(fake, group).readInt32LE(16));
    for (const fd of fds) respond(fake, group, fd, FAN_DENY);
    for (let left = 15_384; left > 0; left -= 1)
      respond(fake, group, read(fake, group).readInt32LE(16), FAN_DENY);
    expect(Number(read(fake, group).readBigUInt64LE(8))).toBe(FAN_Q_OVERFLOW);
    expect(fake.fanotify.readEvents(group, Buffer.alloc(24))).toBe(WOULD_BLOCK);
    expect(new Set(await Promise.all(held))).toEqual(new Set(['EPERM']));
  });

  test('pushRecord: a record of the test is read as it is, and never cut', () => {
    const { fake, group } = guarded();
    fake.pushRecord(group, Buffer.alloc(40, 7));
    expect(codeOf(() => fake.fanotify.readEvents(group, Buffer.alloc(24)))).toBe('EINVAL');
    const into = Buffer.alloc(64);
    expect(fake.fanotify.readEvents(group, into)).toBe(40);
    expect(into.subarray(0, 40)).toEqual(Buffer.alloc(40, 7));
  });

  test('watch: throws for what the real poller would die of: a file, and the same fd twice', () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/file', 'x');
    const wanted = { readable: true, writable: false };
    const ignore = (): void => undefined;
    const file = fake.openFile('/srv/file');
    expect(() => fake.poller.watch(file, wanted, ignore)).toThrow(/cannot be polled/);
    const socket = fake.sockets.createUnix();
    const handle = fake.poller.watch(socket, wanted, ignore);
    expect(() => fake.poller.watch(socket, wanted, ignore)).toThrow(/already polled/);
    handle.close();
    fake.poller.watch(socket, wanted, ignore).close();
  });

  test('disk: a rename takes a tree along, a link shares the inode, readLink of a removed file says so', () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/a/file', 'x');
    fake.disk.link('/srv/a/file', '/srv/link');
    fake.disk.rename('/srv/a', '/srv/b');
    expect(fake.disk.find('/srv/a/file')).toBeUndefined();
    expect(fake.disk.require('/srv/b/file', 'open')).toBe(fake.disk.require('/srv/link', 'open'));
    const fd = fake.openFile('/srv/link');
    fake.disk.remove('/srv/link');
    expect(fake.files.readLink(`/proc/self/fd/${fd}`)).toBe('/srv/b/file');
    fake.disk.remove('/srv/b/file');
    expect(fake.files.readLink(`/proc/self/fd/${fd}`)).toBe('/srv/link (deleted)');
  });

  test('a lease whose signal is not blocked would end the process, and the writer of a leased file waits', async () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/file', 'x');
    const fd = fake.openFile('/srv/file');
    const to = { signal: 39, threadId: fake.signals.threadId() };
    expect(fake.leases.hold(fd, to)).toBe('held');
    await expect(fake.opener.open('/srv/file', { write: true })).rejects.toThrow(/end the process/);
  });

  test('raiseOpenFiles: only root gets more than the hard limit', () => {
    const fake = new FakeNative();
    expect(fake.limits.raiseOpenFiles(10_000)).toBe(10_000);
    const other = new FakeNative();
    other.identity = { pid: 1, uid: 7, gid: 7 };
    expect(other.limits.raiseOpenFiles(10_000)).toBe(4_096);
  });

  test('inotify: a rename over a name, an overflow of the test, and equal records joined', () => {
    const fake = new FakeNative();
    fake.disk.writeFile('/srv/a', 'x');
    const fd = fake.inotify.create();
    fake.inotify.addWatch(fd, '/srv', 0x2);
    fake.inotify.addWatch(fd, '/srv/a', 0x2);
    for (const content of ['y', 'z']) fake.disk.writeFile('/srv/a', content);
    const overflow = Buffer.alloc(16);
    overflow.writeInt32LE(-1, 0);
    overflow.writeUInt32LE(0x4000, 4);
    fake.pushRecord(fd, overflow);
    const into = Buffer.alloc(64);
    expect([fake.files.read(fd, into), into.readUInt32LE(4), into.readInt32LE(16)]).toEqual([32, 0x2, -1]);
  });
});
