import { expect, test } from '@jest/globals';
import { emptyFileStatus } from '../native/files.js';
import { WOULD_BLOCK } from '../native/native-api.js';
import type { ReadyEvents } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

const READABLE: ReadyEvents = { readable: true, writable: false };
const WRITABLE: ReadyEvents = { readable: false, writable: true };
const NOTHING: ReadyEvents = { readable: false, writable: false };

interface Pair {
  readonly listener: number;
  readonly client: number;
  readonly server: number;
  close(): void;
}

/** The part of the contract about sockets and readiness; called inside a `describe`. */
export function socketContract(current: () => NativeUnderTest): void {
  const connectPair = (): Pair => {
    const { sockets, files } = current().native;
    const path = `${current().directory}/s`;
    const listener = sockets.createUnix();
    sockets.bindUnix(listener, path);
    sockets.listen(listener, 4);
    const client = sockets.createUnix();
    expect(sockets.connectUnix(client, path)).toBe('connected');
    const server = sockets.accept(listener);
    expect(server).toBeGreaterThanOrEqual(0);
    const close = (): void => {
      for (const fd of [listener, client, server]) files.close(fd);
    };
    return { listener, client, server, close };
  };
  const received = (fd: number): [string, number] | undefined => {
    const message = current().native.sockets.receive(fd);
    for (const passed of message?.fds ?? []) current().native.files.close(passed);
    return message && [message.bytes.toString(), message.fds.length];
  };

  addressCases(current);
  streamCases(current, connectPair, received);
  descriptorCases(current, connectPair, received);
  pollCases(current, connectPair, received);
}

type Receive = (fd: number) => [string, number] | undefined;

function addressCases(current: () => NativeUnderTest): void {
  test('connectUnix: ENOENT where nothing is, ECONNREFUSED where nobody listens', () => {
    const { native, directory, writeFile } = current();
    const { sockets, files } = native;
    const client = sockets.createUnix();
    const connect = (name: string): unknown =>
      codeOf(() => sockets.connectUnix(client, `${directory}/${name}`));
    writeFile(`${directory}/file`, '');
    const bound = sockets.createUnix();
    sockets.bindUnix(bound, `${directory}/bound`);
    expect([connect('missing'), connect('file'), connect('bound')]).toEqual([
      'ENOENT',
      'ECONNREFUSED',
      'ECONNREFUSED',
    ]);
    sockets.listen(bound, 1);
    files.close(bound);
    expect(connect('bound')).toBe('ECONNREFUSED');
    files.close(client);
  });

  test('bindUnix: EADDRINUSE for a name that is taken, ENOENT without its directory, ENAMETOOLONG beyond 107 bytes', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const [one, two] = [sockets.createUnix(), sockets.createUnix()];
    sockets.bindUnix(one, `${directory}/s`);
    const bind = (fd: number, path: string): unknown =>
      codeOf(() => {
        sockets.bindUnix(fd, path);
      });
    expect(bind(two, `${directory}/s`)).toBe('EADDRINUSE');
    expect(bind(two, `${directory}/no/s`)).toBe('ENOENT');
    expect(bind(one, `${directory}/t`)).toBe('EINVAL');
    expect(bind(two, `${directory}/${'x'.repeat(107)}`)).toBe('ENAMETOOLONG');
    const status = emptyFileStatus();
    native.files.statusOfPath(`${directory}/s`, status);
    expect(status.mode & 0o170000).toBe(0o140000);
    for (const fd of [one, two]) files.close(fd);
  });

  test('a full backlog makes connectUnix say inProgress, and accept hands out the oldest first', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const listener = sockets.createUnix();
    sockets.bindUnix(listener, `${directory}/s`);
    sockets.listen(listener, 1);
    expect(sockets.accept(listener)).toBe(WOULD_BLOCK);
    const clients = ['first', 'second', 'third'].map((text) => {
      const client = sockets.createUnix();
      const outcome = sockets.connectUnix(client, `${directory}/s`);
      if (outcome === 'connected') sockets.send(client, Buffer.from(text));
      // unix(7) starts nothing behind our back: the caller has to connect again.
      else expect(codeOf(() => sockets.send(client, Buffer.from(text)))).toBe('ENOTCONN');
      return { client, outcome };
    });
    expect(clients.map(({ outcome }) => outcome)).toEqual(['connected', 'connected', 'inProgress']);
    const server = sockets.accept(listener);
    expect(sockets.receive(server)?.bytes.toString()).toBe('first');
    expect(sockets.connectUnix(clients[2]!.client, `${directory}/s`)).toBe('connected');
    files.close(listener);
    expect(codeOf(() => sockets.receive(clients[1]!.client))).toBe('ECONNRESET');
    for (const fd of [server, ...clients.map(({ client }) => client)]) files.close(fd);
  });

  test('a socket that is not connected refuses to talk, by code', () => {
    const { native, directory, writeFile, openFile } = current();
    const { sockets, files } = native;
    const fresh = sockets.createUnix();
    expect(codeOf(() => sockets.receive(fresh))).toBe('EINVAL');
    expect(codeOf(() => sockets.send(fresh, Buffer.from('x')))).toBe('ENOTCONN');
    expect(codeOf(() => sockets.accept(fresh))).toBe('EINVAL');
    expect(
      codeOf(() => {
        sockets.listen(fresh, 1);
      }),
    ).toBe('EINVAL');
    writeFile(`${directory}/file`, 'x');
    const file = openFile(`${directory}/file`, 'read');
    expect(codeOf(() => sockets.receive(file))).toBe('ENOTSOCK');
    expect(codeOf(() => sockets.connectUnix(file, `${directory}/file`))).toMatch(/^(ENOTSOCK|ECONNREFUSED)$/);
    for (const fd of [fresh, file]) files.close(fd);
  });
}

function streamCases(current: () => NativeUnderTest, connectPair: () => Pair, received: Receive): void {
  test('what is sent arrives once and in order; sends without descriptors may be joined', () => {
    const { sockets, files } = current().native;
    const pair = connectPair();
    expect(sockets.receive(pair.server)).toBeUndefined();
    expect(sockets.send(pair.client, Buffer.from('one'))).toBe(3);
    expect(sockets.send(pair.client, Buffer.from('two'))).toBe(3);
    expect(sockets.send(pair.client, Buffer.alloc(0))).toBe(0);
    expect(received(pair.server)).toEqual(['onetwo', 0]);
    expect(received(pair.server)).toBeUndefined();
    expect(sockets.send(pair.server, Buffer.from('back'))).toBe(4);
    const into = Buffer.alloc(3);
    expect([files.read(pair.client, into), into.toString()]).toEqual([3, 'bac']);
    expect(received(pair.client)).toEqual(['k', 0]);
    expect(files.read(pair.client, into)).toBe(WOULD_BLOCK);
    pair.close();
  });

  test('a send to a peer that reads nothing is WOULD_BLOCK in the end, and goes on once it has read', () => {
    const { sockets } = current().native;
    const pair = connectPair();
    const block = Buffer.alloc(65_536, 1);
    let sentBytes = 0;
    for (let round = 0; round < 1_000; round += 1) {
      const sent = sockets.send(pair.client, block);
      if (sent === WOULD_BLOCK) break;
      sentBytes += sent;
    }
    expect(sockets.send(pair.client, block)).toBe(WOULD_BLOCK);
    expect(sockets.sendWithFd(pair.client, Buffer.from('x'), pair.server)).toBe(WOULD_BLOCK);
    let gotBytes = 0;
    for (let got = sockets.receive(pair.server); got !== undefined; got = sockets.receive(pair.server)) {
      expect(got.bytes.length).toBeLessThanOrEqual(65_536);
      gotBytes += got.bytes.length;
    }
    expect(gotBytes).toBe(sentBytes);
    expect(sockets.send(pair.client, Buffer.from('x'))).toBe(1);
    expect(received(pair.server)).toEqual(['x', 0]);
    pair.close();
  });

  test('receive lends its bytes: those of the receive before, of whichever socket, are overwritten', () => {
    const { sockets, files } = current().native;
    const { listener, client, server } = connectPair();
    sockets.send(client, Buffer.from('first'));
    sockets.send(server, Buffer.from('other one'));
    const first = sockets.receive(server)!;
    expect(first.bytes.toString()).toBe('first');
    const other = sockets.receive(client)!;
    expect(other.bytes.toString()).toBe('other one');
    expect(first.bytes.toString()).toBe('other');
    for (const fd of [listener, client, server]) files.close(fd);
  });

  test('end of stream: shutdownWrite lets the rest be read, then empty bytes; the other way stays open', () => {
    const { sockets } = current().native;
    const pair = connectPair();
    sockets.send(pair.client, Buffer.from('last'));
    sockets.shutdownWrite(pair.client);
    expect(codeOf(() => sockets.send(pair.client, Buffer.from('x')))).toBe('EPIPE');
    expect([received(pair.server), received(pair.server), received(pair.server)]).toEqual([
      ['last', 0],
      ['', 0],
      ['', 0],
    ]);
    sockets.send(pair.server, Buffer.from('reply'));
    expect(received(pair.client)).toEqual(['reply', 0]);
    pair.close();
  });

  test('shutdownBoth ends both ways at both ends, after what is queued', () => {
    const { sockets } = current().native;
    const pair = connectPair();
    sockets.send(pair.client, Buffer.from('last'));
    sockets.shutdownBoth(pair.server);
    expect([received(pair.server), received(pair.server), received(pair.client)]).toEqual([
      ['last', 0],
      ['', 0],
      ['', 0],
    ]);
    for (const fd of [pair.server, pair.client])
      expect(codeOf(() => sockets.send(fd, Buffer.from('x')))).toBe('EPIPE');
    sockets.shutdownBoth(pair.client);
    pair.close();
  });

  test('a peer that closes: the rest, then empty bytes; a send is EPIPE and no signal', () => {
    const { sockets, files } = current().native;
    const { listener, client, server } = connectPair();
    sockets.send(client, Buffer.from('last'));
    files.close(client);
    expect(codeOf(() => sockets.send(server, Buffer.from('x')))).toBe('EPIPE');
    expect([received(server), received(server)]).toEqual([
      ['last', 0],
      ['', 0],
    ]);
    for (const fd of [listener, server]) files.close(fd);
  });

  test('a peer that closes with our bytes unread: the rest, then ECONNRESET once, then empty bytes', () => {
    const { sockets, files } = current().native;
    const { listener, client, server } = connectPair();
    sockets.send(client, Buffer.from('last'));
    sockets.send(server, Buffer.from('never read'));
    files.close(client);
    expect(received(server)).toEqual(['last', 0]);
    expect(codeOf(() => sockets.receive(server))).toBe('ECONNRESET');
    expect(received(server)).toEqual(['', 0]);
    for (const fd of [listener, server]) files.close(fd);
  });

  test('peerCredentials: each end sees who connected or listened, an unconnected one nobody', () => {
    const { native, identity } = current();
    const pair = connectPair();
    expect(native.sockets.peerCredentials(pair.server)).toEqual(identity);
    expect(native.sockets.peerCredentials(pair.client)).toEqual(identity);
    const fresh = native.sockets.createUnix();
    expect(native.sockets.peerCredentials(fresh)).toEqual({ pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff });
    native.files.close(fresh);
    pair.close();
  });
}

function descriptorCases(current: () => NativeUnderTest, connectPair: () => Pair, received: Receive): void {
  const openFile = (content: string): number => {
    const { directory, writeFile, openFile: open } = current();
    writeFile(`${directory}/passed`, content);
    return open(`${directory}/passed`, 'read');
  };

  test('sendWithFd: the bytes and exactly one new descriptor of the same description arrive', () => {
    const { native, countOpenFds } = current();
    const { sockets, files } = native;
    const pair = connectPair();
    const fd = openFile('content');
    files.read(fd, Buffer.alloc(3));
    expect(sockets.sendWithFd(pair.client, Buffer.from('FILDES'), fd)).toBe(6);
    files.close(fd);
    const before = countOpenFds();
    const message = sockets.receive(pair.server)!;
    expect([message.bytes.toString(), message.fds.length, countOpenFds() - before]).toEqual(['FILDES', 1, 1]);
    const rest = Buffer.alloc(4);
    expect([files.read(message.fds[0]!, rest), rest.toString()]).toEqual([4, 'tent']);
    files.close(message.fds[0]!);
    pair.close();
  });

  test('a descriptor ends a receive: earlier bytes may come along, later ones never do', () => {
    const { sockets, files } = current().native;
    const pair = connectPair();
    const fd = openFile('x');
    sockets.send(pair.client, Buffer.from('before '));
    sockets.sendWithFd(pair.client, Buffer.from('A'), fd);
    sockets.sendWithFd(pair.client, Buffer.from('B'), fd);
    sockets.send(pair.client, Buffer.from('after'));
    files.close(fd);
    const all = [received(pair.server), received(pair.server), received(pair.server), received(pair.server)];
    expect(all).toEqual([['before A', 1], ['B', 1], ['after', 0], undefined]);
    pair.close();
  });

  test('descriptors that nobody receives are closed with the socket they wait in', () => {
    const { native, openFile: open, directory } = current();
    const pair = connectPair();
    const fd = openFile('x');
    const writer = open(`${directory}/passed`, 'write');
    native.sockets.sendWithFd(pair.client, Buffer.from('x'), writer);
    native.files.close(writer);
    expect(native.leases.probe(fd)).toBe('writer');
    pair.close();
    expect(native.leases.probe(fd)).toBe('noWriter');
    native.files.close(fd);
  });

  test('sendWithFd refuses a closed descriptor, no bytes and more than 4,352', () => {
    const { sockets, files } = current().native;
    const pair = connectPair();
    const fd = openFile('x');
    const send = (bytesCount: number): unknown =>
      codeOf(() => sockets.sendWithFd(pair.client, Buffer.alloc(bytesCount), fd));
    expect([send(0), send(4_353)]).toEqual(['EINVAL', 'EINVAL']);
    files.close(fd);
    expect(send(1)).toBe('EBADF');
    expect(received(pair.server)).toBeUndefined();
    pair.close();
  });
}

function pollCases(current: () => NativeUnderTest, connectPair: () => Pair, received: Receive): void {
  /** Long enough for a callback that should come, or should not. */
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));
  const watch = (fd: number, events: ReadyEvents, onReady: () => void = () => undefined) => {
    const seen: ReadyEvents[] = [];
    const handle = current().native.poller.watch(fd, events, ({ readable, writable }) => {
      seen.push({ readable, writable });
      onReady();
    });
    return { handle, seen };
  };

  test('a watch calls back when bytes arrive, never inside the call, and again while they stay', async () => {
    const { sockets, files } = current().native;
    const pair = connectPair();
    const byte = Buffer.alloc(1);
    const { handle, seen } = watch(pair.server, READABLE, () => files.read(pair.server, byte));
    await settle();
    expect(seen).toEqual([]);
    sockets.send(pair.client, Buffer.from('abc'));
    expect(seen).toEqual([]);
    await settle();
    expect(seen).toEqual([READABLE, READABLE, READABLE]);
    expect(byte.toString()).toBe('c');
    handle.close();
    pair.close();
  });

  test('want changes what is waited for, nothing included; close ends it and openHandles falls', async () => {
    const { sockets, poller } = current().native;
    const pair = connectPair();
    const { handle, seen } = watch(pair.server, NOTHING, () => {
      handle.want(NOTHING);
    });
    expect(poller.openHandles).toBe(1);
    sockets.send(pair.client, Buffer.from('x'));
    await settle();
    expect(seen).toEqual([]);
    handle.want(WRITABLE);
    await settle();
    expect(seen).toEqual([WRITABLE]);
    handle.want({ readable: true, writable: true });
    await settle();
    expect(seen).toEqual([WRITABLE, { readable: true, writable: true }]);
    handle.want(READABLE);
    handle.close();
    handle.close();
    expect(poller.openHandles).toBe(0);
    await settle();
    expect(seen).toHaveLength(2);
    pair.close();
  });

  test('a listener is readable when somebody connects, a stream when it ends', async () => {
    const { sockets, files } = current().native;
    const { listener, client, server } = connectPair();
    const accepted: number[] = [];
    const onListener = watch(listener, READABLE, () => accepted.push(sockets.accept(listener)));
    const onServer = watch(server, READABLE, () => {
      expect(received(server)).toEqual(['', 0]);
      onServer.handle.close();
    });
    const second = sockets.createUnix();
    sockets.connectUnix(second, `${current().directory}/s`);
    files.close(client);
    await settle();
    expect([accepted.length, onServer.seen.length]).toEqual([1, 1]);
    onListener.handle.close();
    for (const fd of [listener, server, second, ...accepted]) files.close(fd);
  });

  test('a full stream is not writable until its peer has read', async () => {
    const { sockets } = current().native;
    const pair = connectPair();
    const block = Buffer.alloc(65_536);
    for (let round = 0; round < 1_000 && sockets.send(pair.client, block) !== WOULD_BLOCK; round += 1);
    const { handle, seen } = watch(pair.client, WRITABLE, () => {
      handle.want(NOTHING);
    });
    await settle();
    expect(seen).toEqual([]);
    while (sockets.receive(pair.server) !== undefined);
    await settle();
    expect(seen).toEqual([WRITABLE]);
    handle.close();
    pair.close();
  });

  // Whoever reads one message a callback must know: the rest gets no second call.
  test('a peer that closes with our bytes unread gives at least one call as readable', async () => {
    const { sockets, files } = current().native;
    const { listener, client, server } = connectPair();
    const outcomes: unknown[] = [];
    const { handle } = watch(server, READABLE, () => {
      for (let round = 0; round < 3; round += 1) outcomes.push(codeOf(() => outcomes.push(received(server))));
      handle.close();
    });
    sockets.send(client, Buffer.from('last'));
    sockets.send(server, Buffer.from('never read'));
    files.close(client);
    await settle();
    expect(outcomes).toEqual([['last', 0], undefined, 'ECONNRESET', ['', 0], undefined]);
    for (const fd of [listener, server]) files.close(fd);
  });
}
