import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TcpClient, UnixClient } from './raw-client.js';
import type { TestClient } from './raw-client.js';
import { openFdCount, pauseMs, startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';

const VERSION = 'ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026';
const SERVED =
  'SCAN QUIT RELOAD SELFCHECK PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN MULTISCAN FILDES STATS IDSESSION ' +
  'INSTREAM DETSTATSCLEAR DETSTATS ALLMATCHSCAN';
const STATS =
  'POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live 2  idle 2 max 4 idle-timeout 30\nQUEUE: 0 items\n' +
  '\tSTATS 0.000000 \n\nMEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 ' +
  'pools_used 0.000M pools_total 0.000M\nEND';

let harness: Harness;
let fdsBefore: number;

beforeEach(async () => {
  fdsBefore = openFdCount();
  harness = await startHarness();
});

afterEach(async () => {
  await harness.stop();
  await until(() => openFdCount() <= fdsBefore, 'as few open descriptors as before');
  expect(harness.native.poller.openHandles).toBe(0);
});

/** Times differ from run to run. */
function steady(reply: string): string {
  return reply.replace(/STATS \d+\.\d{6} /, 'STATS 0.000000 ');
}

async function converse(client: TestClient, packets: readonly string[]): Promise<string> {
  for (const packet of packets) {
    client.send(packet);
    await pauseMs(5);
  }
  return steady(await client.toEnd());
}

function connectTo(kind: 'unix' | 'tcp'): TestClient {
  return kind === 'unix'
    ? new UnixClient(harness.native, harness.socketPath)
    : new TcpClient(harness.server.tcpPorts[0] ?? 0);
}

const ONE_COMMAND: readonly (readonly [sent: string, reply: string])[] = [
  ['zPING\0', 'PONG\0'],
  ['nPING\n', 'PONG\n'],
  ['PING\n', 'PONG\n'],
  ['PING', 'PONG\n'],
  ['nPING\r\n', 'PONG\n'],
  ['zVERSION\0', `${VERSION}\0`],
  ['VERSION', `${VERSION}\n`],
  ['zVERSIONCOMMANDS\0', `${VERSION}| COMMANDS: ${SERVED}\0`],
  ['zRELOAD\0', 'RELOADING\0'],
  ['RELOAD\n', 'RELOADING\n'],
  ['nSTATS\n', `${STATS}\n`],
  ['zSTATS\0', `${STATS}\0`],
  ['zDETSTATS\0', ''],
  ['DETSTATSCLEAR\n', ''],
  ['zSELFCHECK\0', 'DBUPTODATE\0'],
  ['SELFCHECK', 'DBUPTODATE\n'],
  ['nSELFCHECK now\n', 'UNKNOWN COMMAND\n'],
  ['zSHUTDOWN\0', ''],
  ['QUIT\n', ''],
  ['zINSTREAM\0\0\0\0\0', 'stream: OK\0'],
  ['nINSTREAM\n\0\0\0\x05hello\0\0\0\0', 'stream: OK\n'],
  ['nINSTREAM\n\0\0\0\x03inf\0\0\0\x05ected\0\0\0\0behind', 'stream: First.Sig FOUND\n'],
  ['zINSTREAM\0\0\x01\x86\xa1', 'INSTREAM size limit exceeded. ERROR\0'],
  ['zEND\0', 'UNKNOWN COMMAND\0'],
  ['STATS\n', 'UNKNOWN COMMAND\n'],
  ['IDSESSION\n', 'UNKNOWN COMMAND\n'],
  ['INSTREAM\n', 'UNKNOWN COMMAND\n'],
  ['zping\0', 'UNKNOWN COMMAND\0'],
  ['zPING \0', 'UNKNOWN COMMAND\0'],
  ['zPING\n\0', 'UNKNOWN COMMAND\0'],
  ['zSCAN\0', 'UNKNOWN COMMAND\0'],
  ['zRAWSCAN /tmp\0', 'UNKNOWN COMMAND\0'],
  ['z\0', 'UNKNOWN COMMAND\0'],
  ['\n', 'UNKNOWN COMMAND\n'],
  ['\0', 'UNKNOWN COMMAND\n'],
  ['GET / HTTP/1.0\r\n\r\n', 'UNKNOWN COMMAND\n'],
  ['zPING\0zPING\0', 'PONG\0'],
  ['zSCAN /no/such\0', '/no/such: File path check failure: No such file or directory. ERROR\0'],
  ['SCAN /no/such', '/no/such: File path check failure: No such file or directory. ERROR\n'],
  ['zSCAN \0', ': File path check failure: No such file or directory. ERROR\0'],
];

for (const kind of ['unix', 'tcp'] as const) {
  describe(`one command on a ${kind} connection`, () => {
    test.each(ONE_COMMAND)('%j is answered %j and the connection closed', async (sent, reply) => {
      expect(await converse(connectTo(kind), [sent])).toBe(reply);
    });
  });

  describe(`a session on a ${kind} connection`, () => {
    test('answers every command under its number, with its own terminator', async () => {
      const reply = await converse(connectTo(kind), ['zIDSESSION\0nPING\nzVERSION\0nSTATS\nnEND\n']);
      expect(reply).toBe(`1: PONG\n2: ${VERSION}\x003: ${STATS}\n`);
    });

    test('stays open without END and ends when the client half-closes', async () => {
      const client = connectTo(kind);
      client.send('nIDSESSION\nzPING\0');
      await client.toHear('1: PONG\0');
      await pauseMs(60);
      expect(client.closed).toBe(false);
      client.halfClose();
      expect(await client.toEnd()).toBe('1: PONG\0');
    });

    test('delivers the replies that are under way after END and ignores what follows', async () => {
      const path = harness.file('clean.bin', 'hello');
      const reply = await converse(connectTo(kind), [`zIDSESSION\0zSCAN ${path}\0zPING\0zEND\0zPING\0`]);
      expect(reply).toBe(`2: PONG\x001: ${path}: OK\0`);
    });

    test.each([
      ['nRELOAD\n', '1: Command invalid inside IDSESSION. ERROR\n'],
      ['zCONTSCAN /tmp\0', '1: Command invalid inside IDSESSION. ERROR\0'],
      ['zIDSESSION\0', '1: Command invalid inside IDSESSION. ERROR\0'],
      ['zSCAN\0', '1: Command invalid inside IDSESSION. ERROR\0'],
      ['z\0', '1: Command invalid inside IDSESSION. ERROR\0'],
      ['nSHUTDOWN\n', '1: Command invalid inside IDSESSION. ERROR\n'],
      ['zSELFCHECK\0', '1: Command invalid inside IDSESSION. ERROR\0'],
    ])('refuses %j and closes', async (sent, reply) => {
      expect(await converse(connectTo(kind), [`zIDSESSION\0${sent}`])).toBe(reply);
      expect(harness.calls).toEqual([]);
    });

    test('refuses the old style', async () => {
      const client = connectTo(kind);
      client.send('zIDSESSION\0nPING\n');
      // In the packet before it, it would not be noticed (behaviour 1.6).
      await client.toHear('1: PONG\n');
      expect(await converse(client, ['PING\n'])).toBe(
        '1: PONG\n2: Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION. ERROR\n' +
          '2: Error processing command. ERROR\n',
      );
    });

    test('takes one number for an upload and goes on behind its end', async () => {
      const upload = 'zINSTREAM\0\0\0\0\x08infected\0\0\0\0';
      expect(await converse(connectTo(kind), [`zIDSESSION\0${upload}nPING\nzEND\0`])).toBe(
        '2: PONG\n1: stream: First.Sig FOUND\0',
      );
    });
  });
}

describe('commands in pieces', () => {
  test('a prefixed command is put together, an old one is not', async () => {
    expect(await converse(connectTo('unix'), ['zPI', 'NG\0'])).toBe('PONG\0');
    const old = connectTo('unix');
    old.send('PI');
    expect(await old.toEnd()).toBe('UNKNOWN COMMAND\n');
  });

  test('a session byte by byte says the same', async () => {
    const whole = 'zIDSESSION\0nPING\nzINSTREAM\0\0\0\0\x02ab\0\0\0\0zVERSION\0';
    const client = connectTo('unix');
    for (const byte of whole) {
      client.send(byte);
      await pauseMs(1);
    }
    const heard = await client.toHear(VERSION);
    expect(heard.split('\0').sort()).toEqual(['', '1: PONG\n2: stream: OK', `3: ${VERSION}`].sort());
    client.close();
  });

  test('a command of 4,104 bytes is taken, a longer one drops the connection without a reply', async () => {
    const longest = `zSCAN /${'a'.repeat(4104 - 8)}\0`;
    expect(longest).toHaveLength(4104);
    expect(await converse(connectTo('unix'), [longest])).toMatch(
      /: File path check failure: File name too long. ERROR\0$/,
    );
    const overlong = await converse(connectTo('unix'), [`z${'a'.repeat(4104)}\0`]);
    expect(overlong.replace('<reset>', '')).toBe('');
    const inSession = await converse(connectTo('unix'), ['zIDSESSION\0zPING\0', `z${'a'.repeat(4104)}\0`]);
    expect(inSession.replace('<reset>', '')).toBe('1: PONG\0');
  });
});

describe('half-closing', () => {
  test.each([
    ['nPING\n', 'PONG\n'],
    ['PING', 'PONG\n'],
    ['zPIN', ''],
    ['', ''],
    ['zFILDES\0', ''],
    ['zINSTREAM\0\0\0\0\x05hel', ''],
  ])('after %j outside a session the reply is %j', async (sent, reply) => {
    const client = connectTo('unix');
    if (sent !== '') client.send(sent);
    client.halfClose();
    expect(await client.toEnd()).toBe(reply);
  });

  test('a scan that was asked for is still answered', async () => {
    const path = harness.file('clean.bin', 'hello');
    harness.scanner.mode = 'hold';
    const client = connectTo('unix');
    client.send(`zSCAN ${path}\0`);
    client.halfClose();
    await until(() => harness.scanner.jobs.length === 1);
    await pauseMs(60);
    harness.scanner.finishAll();
    expect(await client.toEnd()).toBe(`${path}: OK\0`);
  });
});

describe('commands on paths', () => {
  test('SCAN says OK once for a clean directory and names the infected file of another', async () => {
    const path = harness.file('clean.bin', 'hello');
    const directory = harness.directory;
    expect(await converse(connectTo('unix'), [`nSCAN ${path}//\n`])).toBe(`${path}: OK\n`);
    const bad = harness.file('infected.bin', 'x');
    expect(await converse(connectTo('unix'), [`nSCAN ${directory}\n`])).toBe(`${bad}: First.Sig FOUND\n`);
  });

  test('CONTSCAN and MULTISCAN go on behind a detection, SCAN stops', async () => {
    const one = harness.file('infected-1', 'x');
    const two = harness.file('infected-2', 'x');
    const lines = [`${one}: First.Sig FOUND`, `${two}: First.Sig FOUND`, ''].sort();
    for (const verb of ['CONTSCAN', 'MULTISCAN']) {
      const reply = await converse(connectTo('unix'), [`z${verb} ${harness.directory}\0`]);
      expect(reply.split('\0').sort()).toEqual(lines);
    }
    const scan = await converse(connectTo('unix'), [`zSCAN ${harness.directory}\0`]);
    expect(scan.split('\0')).toHaveLength(2);
  });

  test('ALLMATCHSCAN prints every signature', async () => {
    const bad = harness.file('infected.bin', 'x');
    expect(await converse(connectTo('unix'), [`zALLMATCHSCAN ${bad}\0`])).toBe(
      `${bad}: First.Sig FOUND\0${bad}: Second.Sig FOUND\0`,
    );
  });

  test('bytes behind the command are complained of, and the scan goes on', async () => {
    const path = harness.file('clean.bin', 'hello');
    expect(await converse(connectTo('unix'), [`zSCAN ${path}\0garbage`])).toBe(
      `Error processing command. ERROR\0${path}: OK\0`,
    );
    expect(await converse(connectTo('unix'), ['zSTATS\0garbage'])).toBe(
      `Error processing command. ERROR\0${STATS}\0`,
    );
  });

  test('path bytes that are no text come back as they were', async () => {
    const client = connectTo('unix');
    client.send(
      Buffer.concat([Buffer.from('zSCAN /no/'), Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('\0')]),
    );
    expect(await client.toEnd()).toBe(
      '/no/\xff\xfe\n: File path check failure: No such file or directory. ERROR\0',
    );
  });
});

describe('what a command sets off', () => {
  test('RELOAD and SHUTDOWN reach the daemon once each', async () => {
    await converse(connectTo('unix'), ['zRELOAD\0']);
    await converse(connectTo('unix'), ['nSHUTDOWN\n']);
    expect(harness.calls).toEqual(['reload', 'shutdown']);
  });
});
