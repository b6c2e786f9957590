import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ask, createSite, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { runProgram, whyMissing } from './run-program.js';

const SEEN_MAX_MS = 25_000;
const COLUMNS = 120;

/** A terminal of its own tmux server, with one program in it. `close` it, or it outlives the test. */
class Terminal {
  readonly #directory = mkdtempSync(join(tmpdir(), 'clamdtop-test-'));

  async open(command: string): Promise<void> {
    const size = ['-x', String(COLUMNS), '-y', '40'];
    const run = await this.#tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'top', ...size, command);
    if (run.code !== 0) throw new Error(`no terminal: ${run.stderr}`);
  }

  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-t', 'top')).stdout;
  }

  async press(key: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'top', key);
  }

  /** Waits until the screen shows this. @returns the screen. */
  async shows(pattern: RegExp, meanwhile: () => Promise<unknown> = pause): Promise<string> {
    const deadlineAtMs = Date.now() + SEEN_MAX_MS;
    for (;;) {
      const screen = await this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadlineAtMs) throw new Error(`never showed ${String(pattern)}:\n${screen}`);
      await meanwhile();
    }
  }

  async close(): Promise<void> {
    await this.#tmux('kill-server');
    rmSync(this.#directory, { recursive: true });
  }

  #tmux(...args: string[]): ReturnType<typeof runProgram> {
    return runProgram(['tmux', '-S', join(this.#directory, 'tmux.sock'), ...args]);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

let site: Site;
let daemon: DaemonProcess;
let terminal: Terminal;

describeOrSkip('clamdtop in a terminal', whyMissing('clamdtop', 'tmux'), () => {
  beforeAll(async () => {
    site = await createSite(['MaxThreads 1', 'MaxFileSize 500M', 'MaxScanSize 500M']);
    site.put('slow', Buffer.alloc(300 * 1024 * 1024, 'portcullis '));
    daemon = await startDaemon(site);
    terminal = new Terminal();
  }, 40_000);
  afterAll(async () => {
    await terminal.close();
    await daemon.stop();
    site.remove();
  }, 20_000);

  test.each(['socket path', 'host and port'])(
    'shows our version, threads, queue and memory by %s',
    async (how) => {
      const target = how === 'socket path' ? site.socketPath : `127.0.0.1:${site.tcpPort}`;
      await terminal.open(`clamdtop ${target}`);
      try {
        const screen = await terminal.shows(/1\.4\.6/);
        // NO CONNTIME LIV IDL QUEUE MAXQ MEM ENGINE DBVER DBTIME HOST
        expect(screen).toMatch(/^ *1 +\d\d:\d\d:\d\d +\d+ +\d+ +0 +0 +\S+ +1\.4\.6/m);
        expect(screen).toMatch(/Primary threads: live +1 idle +\d max +1\b/);
        expect(screen).toMatch(/Queue: +0 items/);
        expect(screen).not.toContain('UNKNOWN COMMAND');
      } finally {
        await terminal.press('q');
        await pause();
      }
    },
    60_000,
  );

  test('shows the scan that runs, by its command and file', async () => {
    await terminal.open(`clamdtop ${site.socketPath}`);
    const slow = join(site.root, 'slow');
    let scanning = true;
    const scans = Array.from({ length: 2 }, async () => {
      while (scanning) expect(await ask(site.socketPath, `zCONTSCAN ${slow}\0`)).toBe(`${slow}: OK\0`);
    });
    try {
      const screen = await terminal.shows(/CONTSCAN +\d+\.\d+s? +\S*slow/);
      expect(screen).toMatch(/1\.4\.6/);
    } finally {
      scanning = false;
      await Promise.all(scans);
      await terminal.press('q');
    }
  }, 60_000);
});
