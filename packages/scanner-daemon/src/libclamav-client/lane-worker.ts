import { closeSync, writeSync } from 'node:fs';
import type { ScanVerdict } from '@portcullis/shared';
import { isErrno, WOULD_BLOCK, type NativeApi, type PollHandle } from '@portcullis/shared/native';
import { decodeReply, encodeRequest, LANE_READY, type LaneReply } from '../libclamav-host/lane-wire.js';
import { engineErrorText } from '../scheduler/engine-error-text.js';
import { borrowSource, type PendingJob } from '../scheduler/pending-job.js';
import type { PoolWorker, PoolWorkerEvents, PoolWorkerState } from '../scheduler/pool-worker.js';

/** Where a lane's scans go, and who hears of it. */
export interface LaneHome {
  /** The database that scans use from now on. */
  readonly generation: () => number;
  /** A scan with that generation is under way, or has ended. */
  readonly onScan: (generation: number, stage: 'began' | 'ended') => void;
  /** The host does not do what it should: it is ended. @param why undefined where it has ended by itself. */
  readonly giveUp: (why: string | undefined) => void;
}

/** Our side of one scan thread in the host: one job at a time, one packet each way. */
export class LaneWorker implements PoolWorker {
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #events: PoolWorkerEvents;
  #home: LaneHome | undefined;
  #fd: number | undefined;
  #poll: PollHandle | undefined;
  #state: PoolWorkerState = 'starting';
  #everReady = false;
  #pending: PendingJob | undefined;
  /** Whether the other end has it. */
  #isSent = false;
  #generation = 0;
  #sinceMs = 0;

  constructor(native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>, events: PoolWorkerEvents) {
    this.#native = native;
    this.#events = events;
  }

  get state(): PoolWorkerState {
    return this.#state;
  }

  get everReady(): boolean {
    return this.#everReady;
  }

  get jobs(): Iterable<PendingJob> {
    return this.#pending === undefined ? [] : [this.#pending];
  }

  /** A job that never left is for another worker. */
  get runningJob(): PendingJob | undefined {
    return this.#isSent ? this.#pending : undefined;
  }

  /** Takes a socket over, once; the worker is ready when the thread behind it has said that it is. */
  attach(fd: number, home: LaneHome): void {
    this.#fd = fd;
    this.#home = home;
    this.#poll = this.#native.poller.watch(fd, { readable: true, writable: false }, () => {
      this.#read(fd);
    });
  }

  assign(batch: readonly PendingJob[], nowMs: number): void {
    const [pending] = batch;
    if (this.#state !== 'idle' || this.#home === undefined || pending === undefined || batch.length > 1) {
      throw new Error(`${batch.length} jobs were given to a lane that is ${this.#state}`);
    }
    this.#state = 'busy';
    this.#sinceMs = nowMs;
    this.#pending = pending;
    this.#generation = this.#home.generation();
    pending.dispatched();
    this.#home.onScan(this.#generation, 'began');
    this.#isSent = false;
    const sending = this.#send(pending);
    switch (sending.kind) {
      case 'sent':
        this.#isSent = true;
        return;
      case 'nobodyThere':
        this.#giveUp(undefined);
        return;
      case 'failed':
        // Later: whoever assigns does not expect to be called back from within.
        queueMicrotask(() => {
          this.#receive({ jobId: pending.id, verdict: sending });
        });
    }
  }

  /** The host's databases are its own matter: a job goes to the newest. */
  attachDatabase(): void {
    return;
  }

  /** libclamav cannot be told to stop: the scan ends by itself, within MaxScanTime. */
  cancel(): void {
    return;
  }

  stuckMs(nowMs: number): number {
    return this.#state === 'busy' ? nowMs - this.#sinceMs : 0;
  }

  terminate(): void {
    if (this.#state === 'gone' || this.#state === 'terminating') return;
    const isBusy = this.#state === 'busy';
    this.#state = 'terminating';
    if (isBusy) this.#home?.giveUp('a scan did not end in time');
    else
      queueMicrotask(() => {
        this.lose('it was let go');
      });
  }

  /** The thread at the other end is gone before it served: the worker waits for another. @returns false where it has served. */
  detach(): boolean {
    if (this.#state !== 'starting') return false;
    this.#close();
    this.#home = undefined;
    return true;
  }

  /** The thread at the other end is gone: it is given no job any more. {@link lose} follows. */
  disconnect(): void {
    if (this.#state === 'gone') return;
    this.#state = 'terminating';
    this.#close();
  }

  /** The thread at the other end is gone. */
  lose(why: string): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#close();
    if (this.#pending !== undefined) this.#home?.onScan(this.#generation, 'ended');
    this.#events.onGone(this, new Error(`the libclamav process ${why}`));
  }

  #close(): void {
    this.#poll?.close();
    this.#poll = undefined;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** The other end is of no use any more. What is in its hands is answered when the host is gone, or has taken too long. */
  #giveUp(why: string | undefined): void {
    this.#poll?.close();
    if (this.#state === 'idle') this.#state = 'terminating';
    this.#home?.giveUp(why);
  }

  #send(pending: PendingJob): Sending {
    const source = borrowSource(pending.job.source);
    const packet = encodeRequest({
      jobId: pending.id,
      generation: this.#generation,
      allMatch: pending.job.allMatch,
      path: source.kind === 'path' ? source.path : undefined,
    });
    if (packet === undefined || this.#fd === undefined) return failed(engineErrorText.cantOpen);
    let memoryFd: number | undefined;
    try {
      if (source.kind === 'memory') {
        memoryFd = this.#memoryFile(new Uint8Array(source.bytes, 0, source.sizeBytes));
        if (memoryFd === undefined) return failed(engineErrorText.cantCreateTemporaryFile);
      }
      const passedFd = source.kind === 'fd' ? source.fd : memoryFd;
      const { sockets } = this.#native;
      const sent =
        passedFd === undefined
          ? sockets.send(this.#fd, packet)
          : sockets.sendWithFd(this.#fd, packet, passedFd);
      // There is room for the one packet that is under way, unless nobody has read the last one.
      return sent === WOULD_BLOCK ? failed(engineErrorText.aborted) : { kind: 'sent' };
    } catch (error) {
      const isEnd = isErrno(error, 'EPIPE') || isErrno(error, 'ECONNRESET');
      return isEnd ? { kind: 'nobodyThere' } : failed(engineErrorText.aborted);
    } finally {
      if (memoryFd !== undefined) closeSync(memoryFd);
    }
  }

  /** @returns undefined where there is no descriptor or no memory for it. */
  #memoryFile(bytes: Uint8Array): number | undefined {
    let fd: number | undefined;
    try {
      fd = this.#native.files.createMemoryFile('portcullis-stream');
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at, bytes.byteLength - at, at);
      return fd;
    } catch {
      if (fd !== undefined) closeSync(fd);
      return undefined;
    }
  }

  #read(fd: number): void {
    let reply: LaneReply;
    try {
      const message = this.#native.sockets.receive(fd);
      if (message === undefined) return;
      for (const stray of message.fds) closeSync(stray);
      if (message.bytes.byteLength === 0) {
        // Its end follows, and is told by whoever started it.
        this.#giveUp(undefined);
        return;
      }
      reply = decodeReply(message.bytes);
    } catch (error) {
      // A host that ends before it has read a request resets the connection (unix(7)).
      const hasEnded = isErrno(error, 'ECONNRESET');
      this.#giveUp(hasEnded ? undefined : `sent what is no verdict: ${String(error)}`);
      return;
    }
    this.#receive(reply);
  }

  #receive({ jobId, verdict }: LaneReply): void {
    if (this.#state === 'starting' && jobId === LANE_READY.jobId) {
      this.#everReady = true;
      this.#state = 'idle';
      this.#events.onReady(this);
      return;
    }
    // A verdict that was under way when the worker was given up: its job has been answered.
    if (this.#state === 'terminating' || this.#state === 'gone') return;
    const pending = this.#pending;
    if (pending?.id !== jobId) {
      this.#giveUp('answered what it was not asked');
      return;
    }
    this.#pending = undefined;
    this.#state = 'idle';
    this.#home?.onScan(this.#generation, 'ended');
    pending.report(verdict);
    pending.releaseSource();
    // The report may have led to anything, the end of this worker included.
    if (this.state === 'idle') this.#events.onIdle(this);
  }
}

type Sending =
  | { readonly kind: 'sent' }
  /** The other end has ended, and its end will be told. */
  | { readonly kind: 'nobodyThere' }
  | Extract<ScanVerdict, { kind: 'failed' }>;

function failed(message: string): Extract<ScanVerdict, { kind: 'failed' }> {
  return { kind: 'failed', message };
}
