import { createFanotifyApi } from './fanotify.js';
import { createFileApi } from './files.js';
import { createInotifyApi } from './inotify.js';
import { createLeaseApi } from './leases.js';
import { bindLibc } from './libc.js';
import { createLimitApi } from './limits.js';
import type { NativeApi } from './native-api.js';
import { createPoller } from './poller.js';
import { createPatternApi } from './posix-patterns.js';
import { createSignalApi } from './signals.js';
import { createSocketApi } from './sockets.js';

/** The real operating system. Once a thread: its buffers are not shared. */
export function openNative(): NativeApi {
  const libc = bindLibc();
  return {
    files: createFileApi(libc),
    leases: createLeaseApi(libc),
    sockets: createSocketApi(libc),
    signals: createSignalApi(libc),
    fanotify: createFanotifyApi(libc),
    inotify: createInotifyApi(libc),
    limits: createLimitApi(libc),
    patterns: createPatternApi(libc),
    poller: createPoller(),
  };
}
