import { rmSync } from 'node:fs';
import { stepBackToLoad } from '../process/priorities.js';
import { settleAs } from '../process/settle-as.js';
import type { FromHost, ToHost } from './control-messages.js';
import { serveHost } from './serve-host.js';

// A daemon that is gone reads nothing any more; the end of the channel tells us so.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
// They are for the daemon, which ends us when it has answered.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}

// Now, while only those are there that will load.
const onLanesStarted = stepBackToLoad();
let ownDirectory: string | undefined;

// process.exit() waits for threads that are in the middle of a scan.
const end = (): void => {
  process.kill(process.pid, 'SIGKILL');
};
process.on('disconnect', () => {
  try {
    // A daemon that was killed removes it no more.
    if (ownDirectory !== undefined) rmSync(ownDirectory, { recursive: true, force: true });
  } finally {
    end();
  }
});

const send = (message: FromHost): void => {
  if (process.connected) process.send?.(message);
};

/** A daemon whose sockets need root keeps it as its real id until they are bound; libclamav is to have no way back to it. */
function isSettled(): boolean {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid === undefined || gid === undefined || process.getuid?.() === uid) return true;
  return settleAs({ uid, gid, groups: process.getgroups?.() ?? [] });
}

if (isSettled()) {
  serveHost({
    ...{ send, onLanesStarted, end },
    onMessage: (listener) => {
      process.on('message', (message) => {
        // The only sender is our own daemon, of the same version.
        const order = message as ToHost;
        if (order.kind === 'open' && !order.options.leaveTemporaryFiles) {
          ownDirectory = order.options.temporaryDirectory;
        }
        listener(order);
      });
    },
  });
} else {
  send({ kind: 'refused', reason: 'its process could not become the account of User for good' });
}
