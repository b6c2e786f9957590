import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@portcullis/shared';
import type { ScanVerdict } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { createPathWalk } from '../../src/intake/path-walk.js';
import { createStreamSpools } from '../../src/intake/stream-spool.js';
import type { ScanJob, Scanner } from '../../src/scheduler/scan-job.js';
import { createServer } from '../../src/server/server.js';
import type { Server, ServerDeps } from '../../src/server/server.js';
import { createDaemonStats } from '../../src/stats/daemon-stats.js';
import type { DaemonStats } from '../../src/stats/daemon-stats.js';

/** Sources whose bytes or name hold this word are infected, for the stub. */
export const INFECTED_WORD = 'infected';

/** A scanner that answers in the next turn, or when told to, and keeps what it was given. */
export class StubScanner implements Scanner {
  readonly jobs: ScanJob[] = [];
  readonly labels: string[] = [];
  cancelled = 0;
  /** What every scan comes to; undefined = it depends on what is scanned. */
  verdict: ScanVerdict | undefined;
  /** `at once` answers inside submit, `hold` when {@link StubScanner.finish} is called. */
  mode: 'soon' | 'atOnce' | 'hold' = 'soon';
  readonly #native: NativeApi;

  constructor(native: NativeApi) {
    this.#native = native;
  }

  submit(job: ScanJob): void {
    this.jobs.push(job);
    this.labels.push(job.label);
    job.signal?.addEventListener('abort', () => {
      if (this.jobs.includes(job)) this.cancelled += 1;
      this.#report(job, { kind: 'incomplete', reason: 'cancelled' });
    });
    if (this.mode === 'atOnce') this.finish(job);
    if (this.mode === 'soon') {
      setImmediate(() => {
        this.finish(job);
      });
    }
  }

  finish(job: ScanJob): void {
    const text = this.#textOf(job);
    this.#report(
      job,
      this.verdict ??
        (text.includes(INFECTED_WORD)
          ? { kind: 'infected', signatureNames: ['First.Sig', 'Second.Sig'] }
          : { kind: 'clean' }),
    );
  }

  finishAll(): void {
    for (const job of [...this.jobs]) this.finish(job);
  }

  #report(job: ScanJob, verdict: ScanVerdict): void {
    const at = this.jobs.indexOf(job);
    if (at === -1) return;
    this.jobs.splice(at, 1);
    job.onVerdict(verdict);
    if (job.source.kind === 'fd') job.source.fd.close();
  }

  #textOf({ source }: ScanJob): string {
    switch (source.kind) {
      case 'path':
        return source.path.toString();
      case 'memory':
        return Buffer.from(new Uint8Array(source.bytes, 0, source.sizeBytes)).toString('latin1');
      case 'fd': {
        const bytes = Buffer.alloc(Math.min(source.sizeBytes, 4096));
        this.#native.files.readAt(source.fd.borrow(), bytes, 0);
        return bytes.toString('latin1');
      }
    }
  }
}

export interface Harness {
  readonly server: Server;
  readonly native: NativeApi;
  readonly scanner: StubScanner;
  readonly stats: DaemonStats;
  readonly directory: string;
  readonly socketPath: string;
  readonly logLines: string[];
  readonly calls: string[];
  file(name: string, content: string): string;
  stop(): Promise<void>;
}

/** A server on a Unix and a TCP socket of its own, with the real walk and spool and a stub for a scanner. */
export async function startHarness(overrides: Partial<ServerDeps> = {}): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'server-test-'));
  const socketPath = join(directory, 'clamd.sock');
  const native = openNative();
  const scanner = new StubScanner(native);
  const logLines: string[] = [];
  const calls: string[] = [];
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => performance.now() });
  stats.state('VALID');
  stats.threads(2, 4);
  const server = createServer({
    native,
    scanner,
    stats,
    walkPaths: createPathWalk({
      directoryDepthMax: 15,
      followDirectorySymlinks: false,
      followFileSymlinks: false,
      crossFilesystems: true,
      isExcluded: () => false,
      onDepthLimit: () => undefined,
    }),
    openSpool: createStreamSpools({ memoryMaxBytes: 65_536, directory, onFailure: () => undefined }),
    logger: createLogger({
      name: 'test',
      level: 'debug',
      stdoutIsTty: false,
      destination: { write: (line) => void logLines.push(line) },
    }),
    actions: {
      reload: () => void calls.push('reload'),
      shutdown: () => void calls.push('shutdown'),
      selfCheck: () => {
        calls.push('selfCheck');
        return Promise.resolve('upToDate');
      },
    },
    versionText: () => 'ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026',
    listen: {
      localSocketPath: socketPath,
      localSocketGroup: undefined,
      localSocketMode: undefined,
      fixStaleSocket: true,
      tcpPort: 0,
      tcpAddresses: ['127.0.0.1'],
      backlogMax: 200,
    },
    commands: {
      shutdown: true,
      reload: true,
      selfCheck: true,
      version: true,
      stats: true,
      allMatchScan: true,
    },
    clocks: { readTimeoutMs: 120_000, commandReadTimeoutMs: 30_000, sendBufTimeoutMs: 500 },
    limits: { streamMaxBytes: 100_000, pendingJobsMax: 100, threadsMax: 4, connectionsMax: 1000 },
    tickMs: 25,
    ...overrides,
  });
  await server.start();
  return {
    ...{ server, native, scanner, stats, directory, socketPath, logLines, calls },
    file(name, content) {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    },
    async stop() {
      await server.stop(200);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** How many descriptors this process has open. */
export function openFdCount(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Resolves when `holds` does; fails after two seconds. */
export async function until(holds: () => boolean, what = 'the condition'): Promise<void> {
  const deadlineAtMs = performance.now() + 2000;
  while (!holds()) {
    if (performance.now() > deadlineAtMs) throw new Error(`${what} did not come about`);
    await pauseMs(2);
  }
}

export function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
