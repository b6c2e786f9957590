import { parentPort } from 'node:worker_threads';
import type { ToHost } from './control-messages.js';
import { serveHost } from './serve-host.js';

const port = parentPort;
if (port === null) throw new Error('a host thread needs a parent');
serveHost({
  send: (message) => {
    port.postMessage(message);
  },
  onMessage: (listener) => {
    // The only sender is our own daemon, compiled from the same union.
    port.on('message', (message: ToHost) => {
      listener(message);
    });
  },
  end: (close) => {
    void close().finally(() => {
      port.close();
    });
  },
});
