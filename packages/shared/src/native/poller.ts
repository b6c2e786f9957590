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
      let wanted = events;
      const callback: OnPoll = (status, ready) => {
        if (status >= 0) {
          onReady(ready);
          return;
        }
        // An error on the fd: let the reader meet it through its own call. libuv has stopped watching by now, and data may
        // still be queued before the error.
        onReady({ readable: true, writable: false });
        if (open.has(handle)) handle.want(wanted);
      };
      const inner = koffi.node.poll(fd, events, callback as unknown as (ready: ReadyEvents) => void);
      const handle: PollHandle = {
        want(next) {
          wanted = next;
          if (!next.readable && !next.writable) inner.stop();
          else inner.start(next, callback as unknown as (ready: ReadyEvents) => void);
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
