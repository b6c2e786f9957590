import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InstreamDecoder } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import { ask } from './ask.js';
import type { Answer } from './ask.js';
import { questionAbout } from './questions.js';

const bodyBytes = 3_000_001;

describe('ask', () => {
  const native = openNative();
  let directory: string;
  let socketPath: string;
  let server: Server | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parity-ask-'));
    socketPath = join(directory, 's.sock');
  });

  afterEach(() => {
    server?.close();
    server = undefined;
    rmSync(directory, { recursive: true });
    expect(native.poller.openHandles).toBe(0);
  });

  function serve(onConnection: (socket: Socket) => void): Promise<void> {
    return new Promise((resolve) => {
      server = createServer((socket) => {
        socket.on('error', () => undefined);
        onConnection(socket);
      });
      server.listen(socketPath, resolve);
    });
  }

  function askPing(timeoutMs = 20_000): Promise<Answer> {
    return ask({ parts: () => [Buffer.from('zPING\0')] }, { native, socketPath, timeoutMs });
  }

  test('collects lines however they are cut, until the daemon closes the connection', async () => {
    await serve((socket) => {
      socket.once('data', () => {
        socket.write('/a: On');
        setTimeout(() => {
          socket.write(
            Buffer.concat([Buffer.from('e FOUND\0/'), Buffer.of(0xff), Buffer.from(': Two FOUND\0/')]),
          );
          socket.end('b: OK\0');
        }, 20);
      });
    });
    expect(await askPing()).toEqual({
      kind: 'answered',
      lines: ['/a: One FOUND', '/\udcff: Two FOUND', '/b: OK'],
    });
  });

  test('a reply that is cut off is no answer', async () => {
    await serve((socket) => {
      socket.once('data', () => socket.end('/a: OK\0/b: O'));
    });
    expect(await askPing()).toEqual({
      kind: 'noAnswer',
      why: 'a reply was cut off: the daemon closed the connection',
    });
  });

  test('silence, a closed door and a missing one are no answers', async () => {
    expect(await askPing()).toMatchObject({ kind: 'noAnswer', why: expect.stringContaining('ENOENT') });
    const sockets: Socket[] = [];
    await serve((socket) => sockets.push(socket));
    expect(await askPing(300)).toEqual({ kind: 'noAnswer', why: 'no answer within 0.3 s' });
    for (const socket of sockets) socket.destroy();
    server?.removeAllListeners('connection').on('connection', (socket: Socket) => socket.destroy());
    expect(await askPing()).toMatchObject({ kind: 'noAnswer' });
  });

  test('a reply without an end is no answer', async () => {
    await serve((socket) => socket.write(Buffer.alloc(200_000, 0x61)));
    expect(await askPing()).toEqual({ kind: 'noAnswer', why: 'a reply without an end' });
  });

  test('INSTREAM: a file larger than the socket buffer arrives whole, as often as it is asked about', async () => {
    const path = join(directory, 'body');
    const body = Buffer.alloc(bodyBytes, 'portcullis');
    writeFileSync(path, body);
    await serve((socket) => {
      const framing = new InstreamDecoder(0);
      const hash = createHash('sha256');
      let commandBytesLeft = 'zINSTREAM\0'.length;
      socket.on('data', (bytes) => {
        const skippedBytes = Math.min(commandBytesLeft, bytes.length);
        commandBytesLeft -= skippedBytes;
        for (const event of framing.push(bytes.subarray(skippedBytes))) {
          if (event.kind === 'chunk') hash.update(event.bytes);
          else socket.end(`${event.kind} ${hash.digest('hex')}\0`);
        }
      });
    });
    const question = questionAbout('instream', path);
    const expected = { kind: 'answered', lines: [`end ${createHash('sha256').update(body).digest('hex')}`] };
    for (let times = 0; times < 2; times += 1) {
      expect(await ask(question, { native, socketPath, timeoutMs: 20_000 })).toEqual(expected);
    }
    question.close();
  });

  test('a daemon that hangs up in the middle of an upload is heard first', async () => {
    const path = join(directory, 'body');
    writeFileSync(path, Buffer.alloc(bodyBytes));
    await serve((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write('INSTREAM size limit exceeded. ERROR\0', () => socket.destroy());
      });
    });
    const question = questionAbout('instream', path);
    expect(await ask(question, { native, socketPath, timeoutMs: 20_000 })).toEqual({
      kind: 'answered',
      lines: ['INSTREAM size limit exceeded. ERROR'],
    });
    question.close();
  });

  test('FILDES: the descriptor goes with the byte behind the command', async () => {
    const path = join(directory, 'body');
    writeFileSync(path, 'the very file');
    const { sockets, files, poller } = native;
    const listener = sockets.createUnix();
    sockets.bindUnix(listener, socketPath);
    sockets.listen(listener, 1);
    const question = questionAbout('fildes', path);
    const answer = ask(question, { native, socketPath, timeoutMs: 20_000 });
    const received = await new Promise<{ command: string; content: string }>((resolve) => {
      const accepting = poller.watch(listener, { readable: true, writable: false }, () => {
        accepting.close();
        const connection = sockets.accept(listener);
        const reading = poller.watch(connection, { readable: true, writable: false }, () => {
          reading.close();
          const message = sockets.receive(connection);
          const command = message?.bytes.toString('latin1') ?? '';
          const fd = message?.fds[0] ?? -1;
          const content = readFileSync(fd, 'utf8');
          files.close(fd);
          sockets.send(connection, Buffer.from('fd[12]: OK\0'));
          files.close(connection);
          resolve({ command, content });
        });
      });
    });
    expect(received).toEqual({ command: 'zFILDES\0\0', content: 'the very file' });
    expect(await answer).toEqual({ kind: 'answered', lines: ['fd[12]: OK'] });
    question.close();
    files.close(listener);
  });

  test('what is no regular file is not asked about', () => {
    expect(() => questionAbout('fildes', directory)).toThrow(/not a regular file/);
    symlinkSync('/etc/passwd', join(directory, 'link'));
    expect(() => questionAbout('instream', join(directory, 'link'))).toThrow(
      expect.objectContaining({ code: 'ELOOP' }),
    );
  });
});
