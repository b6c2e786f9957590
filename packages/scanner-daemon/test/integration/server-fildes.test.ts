import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TcpClient, UnixClient } from './raw-client.js';
import { openFdCount, pauseMs, startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harness: Harness;
let fdsBefore: number;
let ownFds: number[];

beforeEach(async () => {
  fdsBefore = openFdCount();
  ownFds = [];
  harness = await startHarness();
});

afterEach(async () => {
  for (const fd of ownFds) closeSync(fd);
  await harness.stop();
  await until(() => openFdCount() <= fdsBefore, 'as few open descriptors as before');
});

function connect(): UnixClient {
  return new UnixClient(harness.native, harness.socketPath);
}

function open(path: string, flags: number = constants.O_RDONLY): number {
  const fd = openSync(path, flags);
  ownFds.push(fd);
  return fd;
}

function cleanFd(): number {
  return open(harness.file('clean.bin', 'hello'));
}

/** The number is the daemon's own and differs from run to run. */
function steady(reply: string): string {
  return reply.replace(/fd\[\d+\]/g, 'fd[N]');
}

const STRAY = 'PROTOCOL ERROR: ancillary data sent without FILDES. ERROR';
const GARBAGE = 'Error processing command. ERROR';
const NO_FD = 'No file descriptor received. ERROR';

describe('FILDES', () => {
  test('takes the descriptor in a message of its own', async () => {
    const client = connect();
    client.send('zFILDES\0');
    await pauseMs(10);
    client.sendWithFd('\0', cleanFd());
    expect(steady(await client.toEnd())).toBe('fd[N]: OK\0');
  });

  test.each([
    ['zFILDES\0\0', 'fd[N]: First.Sig FOUND\0'],
    ['nFILDES\nx', 'fd[N]: First.Sig FOUND\n'],
    ['FILDES\nx', 'fd[N]: First.Sig FOUND\n'],
  ])('takes it in one message with the command: %j', async (sent, reply) => {
    const client = connect();
    client.sendWithFd(sent, open(harness.file('bad.bin', 'this is infected')));
    expect(steady(await client.toEnd())).toBe(reply);
  });

  test('names the descriptor by the number it has here', async () => {
    const client = connect();
    client.sendWithFd('zFILDES\0\0', cleanFd());
    const label = await client.toEnd().then((reply) => reply.split(':')[0]);
    expect(harness.scanner.labels).toEqual([label]);
  });

  test('logs a detection under the path of the file', async () => {
    const path = harness.file('bad.bin', 'this is infected');
    const client = connect();
    client.sendWithFd('zFILDES\0\0', open(path));
    await client.toEnd();
    const found = harness.logLines.map((line): unknown => JSON.parse(line));
    expect(found).toContainEqual(
      expect.objectContaining({ event: 'verdict', name: path, signatureNames: ['First.Sig', 'Second.Sig'] }),
    );
  });

  test('does not move the offset and answers an empty file without a scan', async () => {
    const client = connect();
    client.sendWithFd('zFILDES\0\0', open(harness.file('empty.bin', '')));
    expect(steady(await client.toEnd())).toBe('fd[N]: OK\0');
    expect(harness.scanner.labels).toEqual([]);
  });

  test('refuses what is not a regular file', async () => {
    mkdirSync(join(harness.directory, 'sub'));
    for (const path of [join(harness.directory, 'sub'), '/dev/null']) {
      const client = connect();
      client.sendWithFd('zFILDES\0\0', open(path));
      expect(steady(await client.toEnd())).toBe('fd[N]: Not a regular file ERROR\0');
    }
  });

  test('answers an error for a descriptor that cannot be read', async () => {
    const path = harness.file('bad.bin', 'this is infected');
    const O_PATH = 0o10000000;
    for (const flags of [constants.O_WRONLY, O_PATH]) {
      const client = connect();
      client.sendWithFd('zFILDES\0\0', open(path, flags));
      expect(steady(await client.toEnd())).toBe("fd[N]: Can't read file ERROR\0");
    }
  });

  test('complains of bytes behind it and scans all the same', async () => {
    const client = connect();
    client.sendWithFd('zFILDES\0\0garbage', cleanFd());
    expect(steady(await client.toEnd())).toBe(`${GARBAGE}\0fd[N]: OK\0`);
  });

  test.each([['zFILDES\0\0'], ['nFILDES\nx']])('without a descriptor: %j', async (sent) => {
    const client = connect();
    client.send(sent);
    expect(await client.toEnd()).toBe(`${NO_FD}${sent.startsWith('z') ? '\0' : '\n'}`);
  });

  test('is of no use on TCP', async () => {
    const client = new TcpClient(harness.server.tcpPorts[0] ?? 0);
    client.send('zFILDES\0\0');
    expect(await client.toEnd()).toBe(`${NO_FD}\0`);
  });
});

describe('descriptors where none belongs', () => {
  test.each([
    ['zFILDES\0', `${STRAY}\0${GARBAGE}\0`],
    ['nFILDES\n', `${STRAY}\0${GARBAGE}\0`],
    ['zFIL', `${STRAY}\0`],
    ['nFIL', `${STRAY}\0`],
    ['zPING\0', 'PONG\0'],
    ['zIDSESSION\0', `1: ${STRAY}\0`],
    ['zBLAH\0', 'UNKNOWN COMMAND\0'],
  ])('with %j outside a session the reply is %j', async (sent, reply) => {
    const client = connect();
    client.sendWithFd(sent, cleanFd());
    expect(await client.toEnd()).toBe(reply);
  });

  test.each([
    ['zPING\0', `1: PONG\x002: ${STRAY}\0`],
    ['zPING\0nPING\n', `1: PONG\x002: PONG\n3: ${STRAY}\n`],
    ['zFILDES\0', `1: ${STRAY}\x001: ${GARBAGE}\0`],
    ['nFILDES\n', `1: ${STRAY}\x001: ${GARBAGE}\0`],
    ['zBLAH\0', '1: Command invalid inside IDSESSION. ERROR\0'],
    ['zEND\0', ''],
  ])('with %j in a session the reply is %j', async (sent, reply) => {
    const client = connect();
    client.send('zIDSESSION\0');
    await pauseMs(10);
    client.sendWithFd(sent, cleanFd());
    expect(await client.toEnd()).toBe(reply);
  });

  test('with a chunk of an upload', async () => {
    const client = connect();
    client.send('nINSTREAM\n');
    await pauseMs(10);
    client.sendWithFd('\0\0\0\0', cleanFd());
    expect(await client.toEnd()).toBe(`${STRAY}\n${GARBAGE}\n`);
  });
});

describe('FILDES in a session', () => {
  test('several at once, each under its number', async () => {
    const fds = [cleanFd(), open(harness.file('bad.bin', 'infected')), cleanFd()];
    const client = connect();
    client.send('zIDSESSION\0');
    for (const fd of fds) client.sendWithFd('zFILDES\0\0', fd);
    client.send('zPING\0zEND\0');
    const replies = steady(await client.toEnd()).split('\0');
    expect(replies.sort()).toEqual(
      ['', '1: fd[N]: OK', '2: fd[N]: First.Sig FOUND', '3: fd[N]: OK', '4: PONG'].sort(),
    );
  });

  test('the byte without a descriptor ends the session', async () => {
    const client = connect();
    client.send('zIDSESSION\0zFILDES\0xzPING\0');
    expect(await client.toEnd()).toBe(`1: ${NO_FD}\0`);
  });

  test('what cannot be scanned does not end it', async () => {
    const client = connect();
    client.send('zIDSESSION\0');
    client.sendWithFd('zFILDES\0\0', open('/dev/null'));
    client.send('zPING\0zEND\0');
    expect(steady(await client.toEnd())).toBe('1: fd[N]: Not a regular file ERROR\x002: PONG\0');
  });

  test('a thousand in a row are all answered', async () => {
    const fd = cleanFd();
    const client = connect();
    client.send('zIDSESSION\0');
    const count = 1000;
    for (let sent = 0; sent < count; sent += 1) {
      client.sendWithFd('zFILDES\0\0', fd);
      if (sent % 50 === 0) await pauseMs(1);
    }
    client.send('zEND\0');
    const ids = (await client.toEnd()).split('\0').filter((line) => line.endsWith('OK'));
    expect(new Set(ids.map((line) => line.split(':')[0])).size).toBe(count);
  });
});

describe('notices for our own client', () => {
  test('a descriptor with the notice byte is told when a limit ended its scan; no other one is', async () => {
    harness.scanner.verdict = { kind: 'incomplete', reason: 'fileTooLarge' };
    const client = connect();
    client.send('zIDSESSION\0');
    client.sendWithFd('zFILDES\0P', cleanFd());
    await client.toHear('1: ');
    client.sendWithFd('zFILDES\0\0', cleanFd());
    await client.toHear('2: ');
    client.send('zEND\0');
    expect(steady(await client.toEnd())).toBe(
      '1: fd[N]: Incomplete scan (MaxFileSize) ERROR\x002: fd[N]: OK\0',
    );
  });

  test('a session that sent the notice byte is told of a database swap, under number 0', async () => {
    const ours = connect();
    const other = connect();
    for (const [client, byte] of [
      [ours, 'P'],
      [other, '\0'],
    ] as const) {
      client.send('zIDSESSION\0');
      client.sendWithFd(`zFILDES\0${byte}`, cleanFd());
      await client.toHear('OK');
    }
    harness.server.notifyDatabaseSwapped();
    await ours.toHear('0: DATABASE RELOADED\0');
    other.send('zPING\0zEND\0');
    expect(steady(await other.toEnd())).toBe('1: fd[N]: OK\x002: PONG\0');
    ours.send('zEND\0');
    expect(steady(await ours.toEnd())).toBe('1: fd[N]: OK\x000: DATABASE RELOADED\0');
  });
});
