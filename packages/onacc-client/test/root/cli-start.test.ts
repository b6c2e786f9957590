import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));
const REFUSED = /Operation not permitted/;
const DASHES = '-'.repeat(38);
const PATIENCE_MS = 30_000;
const noPython = await whyNot('python3');

/** Runs a program in a terminal of its own, closes that after the word, and prints how the program ended. */
const CLOSED_TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b''
while b'protecting' not in said:
    said += os.read(terminal, 4096)
os.close(terminal)
print(pid, flush=True)
print(os.waitpid(pid, 0)[1], flush=True)
`;

let pair: PairFixture;
/** Clients in the background: nobody's children. */
const strays: number[] = [];

beforeEach(() => {
  pair = new PairFixture();
});
afterEach(async () => {
  for (const pid of [...strays.splice(0), ...backgroundPids()])
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await pair.stop();
});

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > giveUpAtMs) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts the client as a user would, without -F, and waits until the terminal is free again. */
function start(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLIENT, '-c', pair.configPath, ...args],
      {
        env: { ...process.env, ONACC_CONTROL_SOCKET: pair.controlPath },
        timeout: PATIENCE_MS,
        cwd: pair.path(''),
      },
      (_error, stdout, stderr) => {
        strays.push(...backgroundPids());
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

/** Our clients on this fixture's configuration. */
function backgroundPids(): number[] {
  try {
    return execFileSync('pgrep', ['-f', `${CLIENT} (-F )?-c ${pair.configPath}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}

function logLines(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

async function ended(pid: number): Promise<void> {
  await until(`the end of ${pid}`, () => !isAlive(pid));
}

describeIfFanotify('starting and stopping the client', () => {
  describe('in the background', () => {
    test('the command returns when protection is up, and the log has clamonacc’s lines', async () => {
      await pair.startDaemon();
      const log = pair.path('onacc.log');
      const infected = pair.write('eicar', EICAR);
      expect(await start('-l', log)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await cat(infected)).toMatch(REFUSED);
      const [pid] = strays;
      expect(pid).toBeGreaterThan(0);
      const fds = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(fds).toEqual(['/dev/null', '/dev/null', '/dev/null']);
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(pair.path('').replace(/\/$/, ''));
      process.kill(pid ?? 0, 'SIGTERM');
      await ended(pid ?? 0);
      expect(await cat(infected)).toBe(EICAR);
      expect(statSync(log).mode & 0o777 & ~0o640).toBe(0);
      // Warnings are about a machine that was too busy to let the gates run.
      expect(logLines(log).filter((line) => !line.startsWith('WARNING: '))).toEqual([
        DASHES,
        `ClamInotif: watching '${pair.guarded}' (and all sub-directories)`,
        `${infected}: Test.Eicar.UNOFFICIAL FOUND`,
        'ClamInotif: stopped',
        'ClamScanQueue: stopped',
      ]);
    });

    test('without --log it says that nothing will be logged', async () => {
      await pair.startDaemon();
      const { code, stderr } = await start();
      expect([code, stderr]).toEqual([0, expect.stringMatching(/^WARNING: Nothing will be logged/)]);
    });

    test('a daemon that is away: exit code 2 at once, and why', async () => {
      const { code, stderr } = await start();
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /^ERROR: ClamClient: Could not connect to clamd, Couldn't connect to server\nERROR: Clamonacc: daemon is local, but/,
      );
      expect(backgroundPids()).toEqual([]);
    });

    test('--wait waits for the daemon', async () => {
      const started = start('--wait');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await pair.startDaemon();
      expect((await started).code).toBe(0);
      expect(await cat(pair.write('eicar', EICAR))).toMatch(REFUSED);
    });

    test('a log file that cannot be opened: exit code 3', async () => {
      expect(await start('-l', pair.path('nowhere/x.log'))).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('ERROR: ClamClient: problem with internal logger'),
      });
    });
  });

  describe('signals', () => {
    test.each(['SIGTERM', 'SIGINT', 'SIGUSR2'] as const)('%s ends it with exit code 0', async (signal) => {
      await pair.startDaemon();
      const client = await pair.startClient();
      process.kill(client.pid, signal);
      expect(await client.ended).toBe(0);
    });

    test.each([0, 20, 40, 60, 80])(
      'SIGTERM %i ms into a reload ends it with exit code 0',
      async (delayMs) => {
        await pair.startDaemon();
        const client = await pair.startClient();
        process.kill(client.pid, 'SIGHUP');
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        process.kill(client.pid, 'SIGTERM');
        expect(await client.ended).toBe(0);
      },
    );

    test('an open that waits is answered when it stops, long before its deadline', async () => {
      appendFileSync(pair.configPath, 'OnAccessCurlTimeout 300000\n');
      const daemon = await pair.startDaemon();
      const client = await pair.startClient();
      const path = pair.write('clean', 'hello');
      process.kill(daemon.pid, 'SIGSTOP');
      try {
        const waiting = cat(path);
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.kill(client.pid, 'SIGTERM');
        expect(await client.ended).toBe(0);
        expect(await waiting).toBe('hello');
      } finally {
        process.kill(daemon.pid, 'SIGCONT');
      }
    });

    test('USR1 changes nothing; HUP has the log file opened anew', async () => {
      await pair.startDaemon();
      const log = pair.path('onacc.log');
      const client = await pair.startClient({}, ['-l', log]);
      process.kill(client.pid, 'SIGUSR1');
      renameSync(log, `${log}.1`);
      process.kill(client.pid, 'SIGHUP');
      await until('a new log file', () => existsSync(log));
      const infected = pair.write('eicar', EICAR);
      expect(await cat(infected)).toMatch(REFUSED);
      await until('the detection in it', () =>
        logLines(log).includes(`${infected}: Test.Eicar.UNOFFICIAL FOUND`),
      );
      expect(logLines(`${log}.1`)[0]).toBe(DASHES);
      await until('it on standard output', () => client.lines.some(({ event }) => event === 'found'));
    });
  });

  describeOrSkip('in a terminal that is closed', noPython, () => {
    test('it goes on, tells what it finds, and ends in order', async () => {
      await pair.startDaemon();
      const log = pair.path('onacc.log');
      const infected = pair.write('eicar', EICAR);
      const args = ['-c', CLOSED_TERMINAL, process.execPath, CLIENT, '-F', '-c', pair.configPath, '-l', log];
      const terminal = execFile('python3', args, {
        env: { ...process.env, ONACC_CONTROL_SOCKET: pair.controlPath },
        timeout: 2 * PATIENCE_MS,
      });
      let said = '';
      // A line may come in pieces: python writes its end apart where PYTHONUNBUFFERED is set.
      terminal.stdout?.on('data', (text: string) => (said += text));
      await until('the terminal to be closed', () => said.includes('\n'));
      const pid = Number(said.trim());
      strays.push(pid);
      for (let times = 0; times < 3; times += 1) expect(await cat(infected)).toMatch(REFUSED);
      const found = `${infected}: Test.Eicar.UNOFFICIAL FOUND`;
      await until('three detections', () => logLines(log).filter((line) => line === found).length === 3);
      process.kill(pid, 'SIGTERM');
      await until('its end', () => said.split('\n').length > 2);
      expect(said).toBe(`${String(pid)}\n0\n`);
    });
  });
});
