import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/shared';
import { emptyFileStatus } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import fc from 'fast-check';
import type { ScanJob } from '../scheduler/scan-job.js';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { NO_ALERTS } from './alerts.js';
import { Connection } from './connection.js';
import { JobGate } from './job-gate.js';
import { WalkGate } from './walk-gate.js';
import { MultiscanGate } from './multiscan-gate.js';
import type { StreamSpool } from './scan-side.js';
import { PIPELINED_SCANS_MAX } from './server-config.js';
import { createServerLog } from './server-log.js';
import type { ServerServices } from './server-services.js';
import type { Transport, TransportHandler } from './transport.js';

/** A transport in memory: what it is told stands in `told`, what was sent in `output`. */
class MemoryTransport implements Transport {
  readonly peerName = 'local';
  congested = false;
  output = '';
  told: string[] = [];
  paused = false;
  gone = false;
  #handler: TransportHandler | undefined;

  start(handler: TransportHandler): void {
    this.#handler = handler;
  }

  get handler(): TransportHandler {
    if (this.#handler === undefined) throw new Error('not started');
    return this.#handler;
  }

  receive(text: string): void {
    const lent = Buffer.from(text, 'latin1');
    this.handler.onBytes(lent, []);
    // As the native fence does with the next receive.
    lent.fill(0xdd);
  }

  send(bytes: Buffer): void {
    this.output += bytes.toString('latin1');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  peerGone(): boolean {
    return this.gone;
  }

  end(): void {
    this.#close('end');
  }

  endAfterDraining(): void {
    this.#close('drain');
  }

  destroy(): void {
    this.#close('destroy');
  }

  #close(how: string): void {
    this.told.push(how);
    this.handler.onClosed('ended');
  }
}

/** Keeps everything in memory, and wants a rest when told to. */
function memorySpool(wantsRest: () => boolean): StreamSpool {
  const chunks: Buffer[] = [];
  return {
    write(bytes) {
      chunks.push(Buffer.from(bytes));
      return wantsRest() ? 'wait' : 'accepted';
    },
    finish(onSource) {
      const whole = Buffer.concat(chunks);
      const bytes = new SharedArrayBuffer(whole.length);
      new Uint8Array(bytes).set(whole);
      onSource({ kind: 'memory', bytes, sizeBytes: whole.length });
    },
    discard: () => undefined,
  };
}

function build(options: { mode?: 'atOnce' | 'hold'; pendingJobsMax?: number } = {}) {
  const jobs: ScanJob[] = [];
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 });
  const logger = createLogger({ name: 'test', level: 'silent', stdoutIsTty: false });
  const state: { nowMs: number; spoolRests: boolean; spoolReady: () => void } = {
    nowMs: 0,
    spoolRests: false,
    spoolReady: () => undefined,
  };
  const services: ServerServices = {
    // No descriptor ever comes over this transport.
    native: {} as NativeApi,
    scanner: {
      submit(job) {
        jobs.push(job);
        if (options.mode !== 'hold') job.onVerdict({ kind: 'clean' });
      },
    },
    walkPaths: async (argument, _walk, visitor) => {
      await visitor.file(argument);
      return { visitedObjects: 1 };
    },
    openSpool: (onReady) => {
      state.spoolReady = onReady;
      return memorySpool(() => state.spoolRests);
    },
    stats,
    log: createServerLog({ logger, clamdLog: undefined, counters: stats.counters }),
    gate: new JobGate(options.pendingJobsMax ?? 100_000),
    multiscans: new MultiscanGate(4),
    walks: new WalkGate(4),
    alerts: NO_ALERTS,
    onDetection: () => undefined,
    commands: {
      shutdown: true,
      reload: true,
      selfCheck: true,
      version: true,
      stats: true,
      allMatchScan: true,
    },
    clocks: { readTimeoutMs: 120_000, commandReadTimeoutMs: 30_000, sendBufTimeoutMs: 500 },
    limits: { streamMaxBytes: 1000, pendingJobsMax: 100, threadsMax: 4, connectionsMax: 10 },
    actions: {
      reload: () => undefined,
      shutdown: () => undefined,
      selfCheck: () => Promise.resolve('upToDate'),
    },
    versionText: () => 'ClamAV 1.4.6',
    now: () => state.nowMs,
  };
  const transport = new MemoryTransport();
  const closed: Connection[] = [];
  const connection = new Connection(transport, services, {
    fileStatus: emptyFileStatus(),
    onClosed: (each) => void closed.push(each),
  });
  connection.start();
  return { connection, transport, services, jobs, state, closed };
}

/** A complete upload of `text`. */
function upload(text: string, framing: 'z' | 'n' = 'z'): string {
  const length = String.fromCharCode(0, 0, text.length >> 8, text.length & 0xff);
  return `${framing}INSTREAM${framing === 'z' ? '\0' : '\n'}${length}${text}\0\0\0\0`;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Connection', () => {
  const script = `zIDSESSION\0nPING\n${upload('hello')}zVERSION\0${upload('a'.repeat(300), 'n')}nPING\n`;
  const expected = '1: PONG\n2: stream: OK\x003: ClamAV 1.4.6\x004: stream: OK\n5: PONG\n';

  test('says the same however a session is cut into packets', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), (lengths) => {
        const { transport } = build();
        let at = 0;
        for (const length of lengths) {
          transport.receive(script.slice(at, at + length));
          at += length;
        }
        transport.receive(script.slice(at));
        expect(transport.output).toBe(expected);
        expect(transport.told).toEqual([]);
      }),
    );
  });

  test('never throws and always closes at most once, whatever it is sent', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'zIDSESSION\0',
        'zPING\0',
        'nEND\n',
        'zINSTREAM\0',
        'zFILDES\0',
        '\0\0\0\0',
        '\0\0\0\x02ab',
        'zSCAN /x\0',
      ),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const { transport, closed } = build();
        for (const each of pieces) if (each !== '') transport.receive(each);
        transport.handler.onEnd();
        expect(closed.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('pauses when too many scans are unanswered and goes on when half are', () => {
    const { transport, jobs } = build({ mode: 'hold' });
    transport.receive(`zIDSESSION\0${upload('x').repeat(PIPELINED_SCANS_MAX + 10)}zPING\0`);
    expect(jobs).toHaveLength(PIPELINED_SCANS_MAX);
    expect(transport.paused).toBe(true);
    for (const job of jobs.slice(0, PIPELINED_SCANS_MAX / 2)) job.onVerdict({ kind: 'clean' });
    expect(transport.paused).toBe(true);
    jobs[PIPELINED_SCANS_MAX / 2]!.onVerdict({ kind: 'clean' });
    expect(transport.paused).toBe(false);
    expect(jobs).toHaveLength(PIPELINED_SCANS_MAX + 10);
    expect(transport.output).toContain(`${PIPELINED_SCANS_MAX + 11}: PONG\0`);
  });

  test('pauses while the spool is behind', () => {
    const { transport, state } = build();
    transport.receive('zINSTREAM\0');
    state.spoolRests = true;
    transport.receive('\0\0\0\x02ab');
    expect(transport.paused).toBe(true);
    state.spoolRests = false;
    state.spoolReady();
    expect(transport.paused).toBe(false);
    transport.receive('\0\0\0\0');
    expect(transport.output).toBe('stream: OK\0');
  });

  test('pauses while the client is behind with reading', () => {
    const { transport } = build();
    transport.receive('zIDSESSION\0');
    transport.congested = true;
    transport.receive('zPING\0');
    expect([transport.paused, transport.output]).toEqual([true, '']);
    transport.congested = false;
    transport.handler.onDrained();
    expect([transport.paused, transport.output]).toEqual([false, '1: PONG\0']);
  });

  test('holds scans back while the queue is full, and gives its place up when the client leaves', async () => {
    const { transport, jobs, services } = build({ mode: 'hold', pendingJobsMax: 1 });
    transport.receive(`zIDSESSION\0${upload('x').repeat(3)}`);
    expect([jobs.length, transport.paused, services.gate.waiting]).toEqual([1, true, 1]);
    jobs[0]!.onVerdict({ kind: 'clean' });
    await turn();
    expect([jobs.length, services.gate.pending]).toEqual([2, 1]);
    const { signal } = jobs[1]!;
    expect(signal?.aborted).toBe(false);
    transport.handler.onClosed('gone');
    expect(services.gate.waiting).toBe(0);
    expect(signal?.aborted).toBe(true);
    jobs[1]!.onVerdict({ kind: 'incomplete', reason: 'cancelled' });
    await turn();
    expect(services.gate.pending).toBe(0);
    expect(transport.output).toBe('1: stream: OK\0');
  });

  test('notices at a tick that a client it does not read from has left', () => {
    const { connection, transport, jobs } = build({ mode: 'hold' });
    transport.receive(upload('x'));
    const { signal } = jobs[0]!;
    connection.tick(1000);
    expect([transport.told, signal?.aborted]).toEqual([[], false]);
    transport.gone = true;
    connection.tick(2000);
    expect([transport.told, signal?.aborted]).toEqual([['destroy'], true]);
  });

  test('cancels nothing when all is answered, and at once what asks only after the client has left', () => {
    const answered = build({ mode: 'hold' });
    answered.transport.receive(upload('x'));
    const { signal } = answered.jobs[0]!;
    answered.jobs[0]!.onVerdict({ kind: 'clean' });
    expect([answered.transport.told, signal?.aborted]).toEqual([['end'], false]);

    const gone = build({ mode: 'hold' });
    gone.transport.receive(upload('x'));
    gone.transport.handler.onClosed('gone');
    expect(gone.jobs[0]!.signal?.aborted).toBe(true);
  });

  test('what a pause leaves unread outlives the transport’s memory, however much it is', () => {
    const { transport, jobs } = build({ mode: 'hold' });
    const more = 3000;
    transport.receive(`zIDSESSION\0${upload('x').repeat(PIPELINED_SCANS_MAX)}${'zPING\0'.repeat(more)}`);
    expect([jobs.length, transport.paused]).toEqual([PIPELINED_SCANS_MAX, true]);
    for (const job of jobs) job.onVerdict({ kind: 'clean' });
    expect(transport.output.split('PONG\0')).toHaveLength(more + 1);
  });

  test('a client that times out is told, unless it waits for us', () => {
    const { connection, transport, state, jobs } = build({ mode: 'hold' });
    transport.receive(`zIDSESSION\0${upload('x')}`);
    connection.tick(500_000);
    expect(transport.told).toEqual([]);
    state.nowMs = 500_000;
    jobs[0]!.onVerdict({ kind: 'clean' });
    connection.tick(620_000);
    expect(transport.told).toEqual([]);
    connection.tick(620_001);
    expect(transport.output).toBe('1: stream: OK\0COMMAND READ TIMED OUT\n');
    expect(transport.told).toEqual(['drain']);
  });

  test('gives every slot back, also for path commands whose client leaves', async () => {
    const { transport, jobs, services } = build({ mode: 'hold', pendingJobsMax: 1 });
    transport.receive('zIDSESSION\0zSCAN /a\0zSCAN /b\0zSCAN /c\0');
    await turn();
    expect(jobs).toHaveLength(1);
    transport.handler.onClosed('gone');
    jobs[0]!.onVerdict({ kind: 'incomplete', reason: 'cancelled' });
    await turn();
    expect([jobs.length, services.gate.pending, services.gate.waiting]).toEqual([1, 0, 0]);
    expect(transport.output).toBe('');
  });
});
