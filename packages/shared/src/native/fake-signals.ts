import type { FakeDescriptors, FakeWakeups } from './fake-descriptors.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeRecords } from './fake-records.js';
import { WOULD_BLOCK } from './native-api.js';
import type { ReceivedSignal, SignalApi } from './native-api.js';

const SIGNALFD_SIGINFO_BYTES = 128;
const RECORDS_MAX = 64;
const SIGNAL_MAX = 64;

/** The one thread that the fake knows. */
const THREAD_ID = 1_000;

interface SignalParts {
  readonly descriptors: FakeDescriptors;
  readonly faults: FakeFaults;
  readonly wakeups: FakeWakeups;
}

/** Signals of the process under test, blocked and read through signalfd(2). */
export class FakeSignals implements SignalApi {
  readonly #parts: SignalParts;
  readonly #blocked = new Set<number>();
  readonly #pending: ReceivedSignal[] = [];

  constructor(parts: SignalParts) {
    this.#parts = parts;
  }

  threadId(): number {
    return THREAD_ID;
  }

  block(signals: readonly number[]): void {
    this.#parts.faults.pass('block');
    requireSignals(signals);
    for (const signal of signals) this.#blocked.add(signal);
  }

  open(signals: readonly number[]): number {
    this.#parts.faults.pass('open');
    requireSignals(signals);
    return this.#parts.descriptors.install(new FakeSignalFd(new Set(signals), this.#pending), 'signalfd');
  }

  read(fd: number): ReceivedSignal[] | undefined {
    const description = this.#parts.descriptors.get(fd, 'read');
    if (!(description instanceof FakeSignalFd)) throw systemError('read', 'EINVAL', { fd });
    const records = Buffer.alloc(RECORDS_MAX * SIGNALFD_SIGINFO_BYTES);
    const got = description.read(records);
    if (got === WOULD_BLOCK) return undefined;
    return Array.from({ length: got / SIGNALFD_SIGINFO_BYTES }, (_, index) => ({
      signal: records.readUInt32LE(index * SIGNALFD_SIGINFO_BYTES),
      fd: records.readInt32LE(index * SIGNALFD_SIGINFO_BYTES + 20),
    }));
  }

  /** @throws Error for a signal that is not blocked: its default is to end the process. */
  raise(received: ReceivedSignal): void {
    if (!this.#blocked.has(received.signal))
      throw new Error(`signal ${received.signal} would end the process`);
    this.#pending.push(received);
    this.#parts.wakeups.notify();
  }
}

/** Signals belong to the process: what one such descriptor has read, another does not find. */
class FakeSignalFd extends FakeRecords {
  readonly #signals: ReadonlySet<number>;
  readonly #pending: ReceivedSignal[];

  constructor(signals: ReadonlySet<number>, pending: ReceivedSignal[]) {
    super();
    this.#signals = signals;
    this.#pending = pending;
  }

  released(): void {
    // What is pending stays so.
  }

  protected first(): Buffer | undefined {
    const next = this.#pending[this.#firstAt()];
    if (next === undefined) return undefined;
    const record = Buffer.alloc(SIGNALFD_SIGINFO_BYTES);
    record.writeUInt32LE(next.signal, 0);
    record.writeInt32LE(next.fd, 20);
    return record;
  }

  protected shift(): void {
    this.#pending.splice(this.#firstAt(), 1);
  }

  #firstAt(): number {
    const at = this.#pending.findIndex(({ signal }) => this.#signals.has(signal));
    return at < 0 ? this.#pending.length : at;
  }
}

function requireSignals(signals: readonly number[]): void {
  const wrong = signals.find((signal) => !Number.isInteger(signal) || signal < 1 || signal > SIGNAL_MAX);
  if (wrong !== undefined) throw systemError('sigaddset', 'EINVAL', { signal: wrong });
}
