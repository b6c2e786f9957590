import type { NativeApi } from '@portcullis/shared/native';
import type { Endpoint } from '../scan/endpoint.js';

/** Of credentials the pid 1 means a socket made by systemd, 0 a process of another namespace. */
const INIT_PID = 1;

/**
 * Whether the opens of the daemon can be told from others' by its process (SO_PEERCRED, unix(7)). One that is not there yet is
 * taken to make its socket itself, as systemd's would be there before it.
 */
export function isDaemonKnown(native: Pick<NativeApi, 'sockets' | 'files'>, endpoint: Endpoint): boolean {
  if (endpoint.kind === 'tcp') return false;
  const fd = native.sockets.createUnix();
  try {
    // A full backlog is a daemon that cannot be asked.
    if (native.sockets.connectUnix(fd, endpoint.path) !== 'connected') return false;
    return native.sockets.peerCredentials(fd).pid > INIT_PID;
  } catch {
    return true;
  } finally {
    native.files.close(fd);
  }
}
