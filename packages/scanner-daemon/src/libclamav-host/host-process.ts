import type { ToHost } from './control-messages.js';
import { serveHost } from './serve-host.js';

// A daemon that is gone reads nothing any more; the end of the channel tells us so.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
// They are for the daemon, which ends us when it has answered.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}
// process.exit() waits for threads that are in the middle of a scan.
const end = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
process.on('disconnect', end);
serveHost({
  send: (message) => {
    if (process.connected) process.send?.(message);
  },
  onMessage: (listener) => {
    // The only sender is our own daemon, of the same version.
    process.on('message', (message) => {
      listener(message as ToHost);
    });
  },
  end,
});
