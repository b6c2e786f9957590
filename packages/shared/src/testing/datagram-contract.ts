import { expect, test } from '@jest/globals';
import { WOULD_BLOCK } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

/** What Node calls EOPNOTSUPP. */
const NOT_SUPPORTED = 'ENOTSUP';
/** Far beyond any net.unix.max_dgram_qlen in use. */
const SENDS_MAX = 5_000;

/** The part of the contract about datagrams and inherited sockets; called inside a `describe`. */
export function datagramContract(current: () => NativeUnderTest): void {
  deliveryCases(current);
  refusalCases(current);
  inheritedCases(current);
}

function deliveryCases(current: () => NativeUnderTest): void {
  test('sendTo: each datagram arrives whole, on its own and in order, at a path', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const [receiver, sender] = [sockets.createDatagram(), sockets.createDatagram()];
    sockets.bindUnix(receiver, `${directory}/notify`);
    const sent = ['READY=1', '', 'STATUS=ä'].map((text) =>
      sockets.sendTo(sender, Buffer.from(text), `${directory}/notify`),
    );
    expect(sent).toEqual([7, 0, 9]);
    const received = sent.map(() => sockets.receive(receiver)?.bytes.toString());
    expect([...received, sockets.receive(receiver)]).toEqual(['READY=1', '', 'STATUS=ä', undefined]);
    for (const fd of [receiver, sender]) files.close(fd);
  });

  test("sendTo: a name that begins with '@' is an abstract one, exactly as long as it is written", () => {
    const { native, identity, bindAbstract } = current();
    const { sockets, files } = native;
    const [receiver, sender] = [sockets.createDatagram(), sockets.createDatagram()];
    const name = `@portcullis-test-${identity.pid}`.padEnd(108, 'x');
    bindAbstract(receiver, name);
    expect(sockets.sendTo(sender, Buffer.from('STOPPING=1'), name)).toBe(10);
    expect(sockets.receive(receiver)?.bytes.toString()).toBe('STOPPING=1');
    const code = (path: string): unknown => codeOf(() => sockets.sendTo(sender, Buffer.from('x'), path));
    expect([code(name.slice(0, -1)), code(`${name}x`)]).toEqual(['ECONNREFUSED', 'ENAMETOOLONG']);
    files.close(receiver);
    expect(code(name)).toBe('ECONNREFUSED');
    files.close(sender);
  });

  test('sendTo: a full receiver is WOULD_BLOCK, loses nothing, and takes more once it has read', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const [receiver, sender] = [sockets.createDatagram(), sockets.createDatagram()];
    const path = `${directory}/notify`;
    sockets.bindUnix(receiver, path);
    let sent = 0;
    while (sent < SENDS_MAX && sockets.sendTo(sender, Buffer.from(String(sent)), path) !== WOULD_BLOCK)
      sent += 1;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(SENDS_MAX);
    expect(sockets.receive(receiver)?.bytes.toString()).toBe('0');
    for (let n = 1; n < sent; n += 1) expect(sockets.receive(receiver)?.bytes.toString()).toBe(String(n));
    expect(sockets.receive(receiver)).toBeUndefined();
    expect(sockets.sendTo(sender, Buffer.from('again'), path)).toBe(5);
    for (const fd of [receiver, sender]) files.close(fd);
  });
}

function refusalCases(current: () => NativeUnderTest): void {
  test('sendTo: ENOENT for nothing there, ECONNREFUSED for nobody behind the name', () => {
    const { native, directory, writeFile } = current();
    const { sockets, files } = native;
    const [receiver, sender] = [sockets.createDatagram(), sockets.createDatagram()];
    const send = (path: string, bytes = Buffer.from('x')): unknown =>
      codeOf(() => sockets.sendTo(sender, bytes, path));
    writeFile(`${directory}/file`, '');
    sockets.bindUnix(receiver, `${directory}/s`);
    expect([send(`${directory}/missing`), send(`${directory}/file`), send(`${directory}/s`)]).toEqual([
      'ENOENT',
      'ECONNREFUSED',
      undefined,
    ]);
    files.close(receiver);
    expect([send(`${directory}/s`), send('@portcullis-test-nobody')]).toEqual([
      'ECONNREFUSED',
      'ECONNREFUSED',
    ]);
    expect([send(''), send(`/${'x'.repeat(107)}`)]).toEqual(['ENAMETOOLONG', 'ENAMETOOLONG']);
    files.close(sender);
  });

  test('sendTo: EMSGSIZE for what no buffer takes, EPROTOTYPE at a stream, and only datagram sockets send', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const [receiver, sender, stream] = [
      sockets.createDatagram(),
      sockets.createDatagram(),
      sockets.createUnix(),
    ];
    sockets.bindUnix(receiver, `${directory}/datagrams`);
    sockets.bindUnix(stream, `${directory}/stream`);
    sockets.listen(stream, 1);
    const send = (fd: number, name: string, bytes = Buffer.from('x')): unknown =>
      codeOf(() => sockets.sendTo(fd, bytes, `${directory}/${name}`));
    expect(send(sender, 'datagrams', Buffer.alloc(16 * 1024 * 1024))).toBe('EMSGSIZE');
    expect(send(sender, 'stream')).toBe('EPROTOTYPE');
    expect(send(stream, 'datagrams')).toBe(NOT_SUPPORTED);
    expect(
      codeOf(() => {
        sockets.listen(receiver, 1);
      }),
    ).toBe(NOT_SUPPORTED);
    for (const fd of [receiver, sender, stream]) files.close(fd);
  });
}

function inheritedCases(current: () => NativeUnderTest): void {
  test('describe: a fresh, a listening, a connected and a datagram socket', () => {
    const { native, directory } = current();
    const { sockets, files } = native;
    const [listener, client, datagram] = [
      sockets.createUnix(),
      sockets.createUnix(),
      sockets.createDatagram(),
    ];
    const stream = { family: 'unix', type: 'stream', isListening: false } as const;
    expect(sockets.describe(listener)).toEqual(stream);
    sockets.bindUnix(listener, `${directory}/s`);
    expect(sockets.describe(listener)).toEqual(stream);
    sockets.listen(listener, 1);
    sockets.connectUnix(client, `${directory}/s`);
    const server = sockets.accept(listener);
    expect(sockets.describe(listener)).toEqual({ ...stream, isListening: true });
    expect([client, server].map((fd) => sockets.describe(fd))).toEqual([stream, stream]);
    expect(sockets.describe(datagram)).toEqual({ ...stream, type: 'other' });
    for (const fd of [listener, client, server, datagram]) files.close(fd);
  });

  test('describe: ENOTSOCK for a file; adopt takes any descriptor and leaves a socket working', () => {
    const { native, directory, writeFile, openFile } = current();
    const { sockets, files } = native;
    writeFile(`${directory}/file`, 'x');
    const file = openFile(`${directory}/file`, 'read');
    expect(codeOf(() => sockets.describe(file))).toBe('ENOTSOCK');
    sockets.adopt(file);
    expect(files.read(file, Buffer.alloc(1))).toBe(1);
    const listener = sockets.createUnix();
    sockets.bindUnix(listener, `${directory}/s`);
    sockets.listen(listener, 1);
    sockets.adopt(listener);
    expect(sockets.accept(listener)).toBe(WOULD_BLOCK);
    for (const fd of [file, listener]) files.close(fd);
  });
}
