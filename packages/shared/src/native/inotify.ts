import { cPath, failedCall } from './libc.js';
import type { Libc } from './libc.js';
import type { InotifyApi } from './native-api.js';

const IN_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

export function createInotifyApi(libc: Libc): InotifyApi {
  return {
    create() {
      const fd = libc.inotifyInit1(IN_NONBLOCK_CLOEXEC);
      return fd >= 0 ? fd : failedCall('inotify_init1');
    },
    addWatch(fd, path, mask) {
      const watch = libc.inotifyAddWatch(fd, cPath(path), mask);
      return watch >= 0 ? watch : failedCall('inotify_add_watch', { path, mask });
    },
    removeWatch(fd, watch) {
      if (libc.inotifyRmWatch(fd, watch) !== 0) failedCall('inotify_rm_watch', { watch });
    },
  };
}
