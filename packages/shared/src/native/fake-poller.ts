import type { FakeDescriptors, FakeWakeups, OpenDescription } from './fake-descriptors.js';
import type { Poller, PollHandle, ReadyEvents } from './native-api.js';

const NOTHING: ReadyEvents = { readable: false, writable: false };

/**
 * Level-triggered readiness, told by setImmediate: as with the real poller a callback never runs inside the call
 * that caused it, and runs again while the fd stays ready.
 */
export class FakePoller implements Poller {
  readonly #descriptors: FakeDescriptors;
  readonly #open = new Map<FakePollHandle, OpenDescription>();
  #scheduled = false;

  constructor(descriptors: FakeDescriptors, wakeups: FakeWakeups) {
    this.#descriptors = descriptors;
    wakeups.listen(() => {
      this.schedule();
    });
  }

  get openHandles(): number {
    return this.#open.size;
  }

  watch(fd: number, events: ReadyEvents, onReady: (events: ReadyEvents) => void): PollHandle {
    const description = this.#descriptors.get(fd, 'poll');
    // The real poller takes the process down here (koffi 3.3.4: "FATAL ERROR: Error::New"), so no caller may count on it.
    if (!description.pollable) throw new Error('a regular file cannot be polled');
    if ([...this.#open.values()].includes(description)) throw new Error('this fd is already polled');
    const handle = new FakePollHandle(this, events, onReady);
    this.#open.set(handle, description);
    this.schedule();
    return handle;
  }

  forget(handle: FakePollHandle): void {
    this.#open.delete(handle);
  }

  schedule(): void {
    if (this.#scheduled || this.#open.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#round();
    });
  }

  /** Whoever is ready is called once; the next round is for what is still ready then. */
  #round(): void {
    for (const [handle, description] of [...this.#open]) {
      if (description.references === 0 || !this.#open.has(handle)) continue;
      if (handle.fire(description.readiness())) this.schedule();
    }
  }
}

class FakePollHandle implements PollHandle {
  readonly #poller: FakePoller;
  readonly #onReady: (events: ReadyEvents) => void;
  #wanted: ReadyEvents;

  constructor(poller: FakePoller, wanted: ReadyEvents, onReady: (events: ReadyEvents) => void) {
    this.#poller = poller;
    this.#wanted = wanted;
    this.#onReady = onReady;
  }

  want(events: ReadyEvents): void {
    this.#wanted = events;
    this.#poller.schedule();
  }

  close(): void {
    this.#wanted = NOTHING;
    this.#poller.forget(this);
  }

  /** @returns whether it called back. */
  fire(ready: ReadyEvents & { readonly failed: boolean }): boolean {
    const wanted = this.#wanted;
    if (!wanted.readable && !wanted.writable) return false;
    if (ready.failed) {
      // libuv stops a watch when poll(2) reports POLLERR (measured); the fence starts it again after the call.
      this.#onReady({ readable: true, writable: false });
      return true;
    }
    const events = {
      readable: wanted.readable && ready.readable,
      writable: wanted.writable && ready.writable,
    };
    if (!events.readable && !events.writable) return false;
    this.#onReady(events);
    return true;
  }
}
