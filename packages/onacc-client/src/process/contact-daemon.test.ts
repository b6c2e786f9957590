import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import type { PingPlan } from '../command-line.js';
import { textLine } from '../logging/text-log.js';
import type { Voice } from '../logging/voice.js';
import { askVersion, awaitDaemon, contactOf, testConnection } from './contact-daemon.js';
import type { DaemonContact } from './contact-daemon.js';

const TIMEOUT_MS = 10_000;
const FAILED = "ClamClient: Initial connection failed, Couldn't connect to server. Will try again...";

let directory: TempDir;
let server: Server | undefined;
beforeEach(() => {
  directory = makeTempDir('contact');
});
afterEach(async () => {
  await new Promise((resolve) => {
    if (server === undefined) resolve(undefined);
    else server.close(resolve);
  });
  server = undefined;
  directory.remove();
});

function unixContact(timeoutMs = TIMEOUT_MS): DaemonContact {
  const localSocketPath = join(directory.path, 'sock');
  return contactOf({ localSocketPath, tcpPort: undefined, tcpAddresses: [] }, timeoutMs);
}

/** A daemon that gives each command its answer; without one it only listens. */
async function listen(answers: Readonly<Record<string, string>>, at: string | number): Promise<number> {
  const daemon = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const answer = answers[bytes.toString().replace(/^z|\0$/g, '')];
      if (answer !== undefined) socket.end(`${answer}\0`);
    });
  });
  server = daemon;
  await new Promise<void>((resolve) => daemon.listen(at, resolve));
  const address = daemon.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function ping(
  contact: DaemonContact,
  plan: PingPlan,
  announces: boolean,
  onPause = () => undefined as unknown,
) {
  const lines: string[] = [];
  const pauses: number[] = [];
  const voice: Voice = { say: (severity, text) => lines.push(textLine(severity, text)) };
  const outcome = await awaitDaemon(contact, plan, {
    voice,
    announces,
    pause: async (ms) => {
      pauses.push(ms);
      await onPause();
    },
  });
  return { outcome, lines, pauses };
}

describe('askVersion', () => {
  test('is the answer of the daemon, over a Unix socket and over TCP', async () => {
    await listen({ VERSION: 'ClamAV 1.4.6/1/x' }, join(directory.path, 'sock'));
    expect(await askVersion(unixContact())).toBe('ClamAV 1.4.6/1/x');
    server?.close();
    const tcpPort = await listen({ VERSION: 'over TCP' }, 0);
    const listenOptions = { localSocketPath: undefined, tcpPort, tcpAddresses: ['localhost'] };
    expect(await askVersion(contactOf(listenOptions, TIMEOUT_MS))).toBe('over TCP');
  });

  test('is nothing where nobody answers', async () => {
    expect(await askVersion(unixContact())).toBeUndefined();
  });
});

describe('awaitDaemon', () => {
  test('PONG ends the wait, and --ping prints it', async () => {
    await listen({ PING: 'PONG' }, join(directory.path, 'sock'));
    const plan = { attempts: 3, intervalSeconds: 1 };
    expect(await ping(unixContact(), plan, true)).toEqual({
      outcome: 'answered',
      lines: ['PONG'],
      pauses: [],
    });
    expect(await ping(unixContact(), plan, false)).toMatchObject({ outcome: 'answered', lines: [] });
  });

  test.each([
    [1, ['PINGing again in 1 second', 'PINGing again in 1 second']],
    [20, ['PINGing again in 20 seconds', 'PINGing again in 20 seconds']],
  ])('%d s apart: clamonacc’s words and pauses', async (intervalSeconds, again) => {
    expect(await ping(unixContact(), { attempts: 3, intervalSeconds }, true)).toEqual({
      outcome: 'timedOut',
      lines: [FAILED, ...again, 'PING timeout exceeded; No response from clamd'],
      pauses: [intervalSeconds * 1_000, intervalSeconds * 1_000],
    });
  });

  test('--wait is quieter, and ends when the daemon comes up meanwhile', async () => {
    const contact = unixContact();
    const plan = { attempts: 3, intervalSeconds: 1 };
    expect((await ping(contact, plan, false)).lines).toEqual([
      FAILED,
      'Wait timeout exceeded; Could not connect to clamd',
    ]);
    const comesUp = () => listen({ PING: 'PONG' }, join(directory.path, 'sock'));
    expect(await ping(contact, plan, false, comesUp)).toMatchObject({ outcome: 'answered', lines: [FAILED] });
  });

  test('an answer that is not PONG is none', async () => {
    await listen({ PING: 'UNKNOWN COMMAND' }, join(directory.path, 'sock'));
    const { outcome } = await ping(unixContact(), { attempts: 1, intervalSeconds: 1 }, true);
    expect(outcome).toBe('timedOut');
  });
});

describe('testConnection', () => {
  test('has nothing to say when somebody accepts, whatever it answers', async () => {
    await listen({}, join(directory.path, 'sock'));
    expect(await testConnection(unixContact(200))).toEqual([]);
  });

  test('says that a local daemon cannot be reached, and why', async () => {
    expect(await testConnection(unixContact())).toEqual([
      "ClamClient: Could not connect to clamd, Couldn't connect to server",
      'Clamonacc: daemon is local, but a connection could not be established',
      expect.stringMatching(/^unix:.*there is no such socket file/),
    ]);
  });

  test('says so of a remote one, and of one that is not configured', async () => {
    const tcpPort = await listen({}, 0);
    server?.close();
    const remote = { localSocketPath: undefined, tcpPort, tcpAddresses: ['127.0.0.1'] };
    expect(await testConnection(contactOf(remote, TIMEOUT_MS))).toEqual([
      "ClamClient: Could not connect to clamd, Couldn't connect to server",
      "Clamonacc: can't setup client",
      expect.stringContaining('connection refused'),
    ]);
    const none = { localSocketPath: undefined, tcpPort: undefined, tcpAddresses: [] };
    expect(await testConnection(contactOf(none, TIMEOUT_MS))).toHaveLength(1);
  });
});
