import koffi from 'koffi';
import type { Poller, PollHandle, ReadyEvents } from './native-api.js';

/** koffi calls back with (status, events); its types name only the events. */
type OnPoll = (status: number, events: ReadyEvents) => void;

/**
 * Readiness of any fd on this thread's event loop. Open handles are held here: koffi closes one silently when it
 * is garbage-collected.
 */
export function createPoller(): Poller {
  const open = new Set<PollHandle>();
  return {
    get openHandles() {
      return open.size;
    },
    watch(fd, events, onReady) {
      const callback: OnPoll = (status, ready) => {
        // A status below zero is an error on the fd: let the reader meet it through its own call.
        onReady(status < 0 ? { readable: true, writable: false } : ready);
      };
      const inner = koffi.node.poll(fd, events, callback as unknown as (ready: ReadyEvents) => void);
      const handle: PollHandle = {
        want(wanted) {
          if (!wanted.readable && !wanted.writable) inner.stop();
          else inner.start(wanted, callback as unknown as (ready: ReadyEvents) => void);
        },
        close() {
          if (open.delete(handle)) inner.close();
        },
      };
      open.add(handle);
      return handle;
    },
  };
}
