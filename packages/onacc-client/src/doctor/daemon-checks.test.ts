import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import type { Check } from './check.js';
import { checkClock, checkDaemon } from './daemon-checks.js';
import { composeEicar } from './eicar.js';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const native = openNative();
let directory: TempDir;
let server: Server | undefined;

beforeEach(() => {
  directory = makeTempDir('daemon-');
});

afterEach(async () => {
  const running = server;
  server = undefined;
  if (running !== undefined) await new Promise((resolve) => running.close(resolve));
  directory.remove();
});

interface Answers {
  readonly ping?: string;
  readonly version?: string;
  readonly infected?: string;
  readonly clean?: string;
  readonly descriptor?: string;
}

/** A daemon that says what it is told to. */
async function serve(answers: Answers = {}): Promise<void> {
  const { ping = 'PONG', version = 'ClamAV 1.4.6/27830/Sat Nov 21 09:10:11 2026' } = answers;
  const {
    infected = 'stream: Eicar-Signature FOUND',
    clean = 'stream: OK',
    descriptor = 'fd[10]: OK',
  } = answers;
  server = createServer((client) => {
    let heard = '';
    client.on('error', () => undefined);
    client.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
      if (heard === 'zPING\0') client.end(`${ping}\0`);
      else if (heard === 'zVERSION\0') client.end(`${version}\0`);
      else if (heard === 'zFILDES\0\0') client.end(`${descriptor}\0`);
      else if (heard.endsWith('\0\0\0\0'))
        client.end(`${heard.includes(composeEicar()) ? infected : clean}\0`);
    });
  });
  const running = server;
  await new Promise<void>((resolve) => running.listen(`${directory.path}/s`, resolve));
}

async function look(): Promise<Check[]> {
  return checkDaemon(
    native,
    { localSocketPath: `${directory.path}/s`, tcpPort: undefined, tcpAddresses: [] },
    NOW_MS,
  );
}

describe('checkDaemon', () => {
  test('a daemon that answers and judges is all right', async () => {
    await serve();
    const checks = await look();
    expect(checks.map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok']);
  });

  test('one that does not know EICAR is a warning about its database', async () => {
    await serve({ infected: 'stream: OK' });
    expect(await look()).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        topic: 'verdicts',
        advice: expect.stringContaining('freshclam'),
      }),
    );
  });

  test.each([
    ['cannot scan', { infected: 'stream: Unable to allocate memory ERROR' }],
    ['finds everything infected', { clean: 'stream: Broken.Signature FOUND' }],
    ['says nothing to the point', { clean: 'UNKNOWN COMMAND' }],
  ] as const)('one that %s is a failure', async (_what, answers) => {
    await serve(answers);
    expect(await look()).toContainEqual(expect.objectContaining({ level: 'fail', topic: 'verdicts' }));
  });

  test('one that may not read what is passed to it is a failure that names the profiles', async () => {
    await serve({ descriptor: 'fd[10]: Permission denied ERROR' });
    expect(await look()).toContainEqual(
      expect.objectContaining({
        level: 'fail',
        topic: 'descriptors',
        advice: expect.stringContaining('AppArmor'),
      }),
    );
  });

  test('one that is not there is a failure with the reason', async () => {
    const checks = await look();
    expect(checks[0]).toMatchObject({
      level: 'fail',
      finding: expect.stringContaining('no such socket file'),
    });
    expect(checks).toContainEqual(expect.objectContaining({ level: 'skip', topic: 'verdicts' }));
  });

  test('a clamd.conf without a socket is a failure', async () => {
    const checks = await checkDaemon(
      native,
      { localSocketPath: undefined, tcpPort: undefined, tcpAddresses: [] },
      NOW_MS,
    );
    expect(checks[0]).toMatchObject({ level: 'fail', advice: expect.stringContaining('LocalSocket') });
  });

  test('old signatures are a warning, signatures without a date none', async () => {
    await serve({ version: 'ClamAV 1.4.6/27000/Sun Nov 01 09:10:11 2026' });
    expect(await look()).toContainEqual(expect.objectContaining({ level: 'warn', topic: 'database' }));
  });

  test('signatures from the future show a wrong clock', async () => {
    await serve({ version: 'ClamAV 1.4.6/27000/Sun Nov 29 09:10:11 2026' });
    expect(await look()).toContainEqual(expect.objectContaining({ level: 'warn', topic: 'clock' }));
  });
});

test.each([
  [Date.UTC(1970, 0, 1), 'warn'],
  [NOW_MS, 'ok'],
])('a clock at %d is %s', (nowMs, level) => {
  expect(checkClock(undefined, nowMs).level).toBe(level);
});
