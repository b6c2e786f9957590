import type { AcceptTransport, Listener, ListenerDeps } from '../server/listener.js';
import { adoptTcp } from '../server/tcp-listener.js';
import type { TcpListener } from '../server/tcp-listener.js';
import { adoptUnix } from '../server/unix-listener.js';
import type { InheritedSockets } from './inherit-sockets.js';

/**
 * Listens on the service manager's sockets; LocalSocket and TCPSocket do not count then, and no socket file is ever
 * unlinked (behaviour 2.5). Says clamd's own lines, and one for every descriptor that is of no use.
 */
export function listenOnInherited(
  inherited: InheritedSockets,
  deps: ListenerDeps,
  onTransport: AcceptTransport,
): { tcp: TcpListener[]; unix: Listener[] } {
  const { log } = deps;
  for (const { fd, name, reason } of inherited.unusable) {
    const label = name === undefined || name === '' ? '' : ` (${name})`;
    log.listener('error', `File descriptor ${fd}${label} from systemd ${reason}: it is not used`);
  }
  const tcp: TcpListener[] = [];
  for (const { fd, family } of inherited.usable) {
    if (family === 'unix') continue;
    const familyName = family === 'inet' ? 'AF_INET' : 'AF_INET6';
    log.listener('info', `TCP: Received ${familyName} SOCK_STREAM socket from systemd.`);
    tcp.push(adoptTcp(fd, deps, onTransport));
  }
  if (tcp.length === 0) {
    log.listener('info', 'TCP: No tcp AF_INET/AF_INET6 SOCK_STREAM socket received from systemd.');
  }
  const unix: Listener[] = [];
  for (const { fd, family } of inherited.usable) {
    if (family !== 'unix') continue;
    unix.push(adoptUnix(fd, deps, onTransport));
    log.listener('info', 'LOCAL: Received AF_UNIX SOCK_STREAM socket from systemd.');
  }
  if (unix.length === 0) {
    log.listener('info', 'LOCAL: No local AF_UNIX SOCK_STREAM socket received from systemd.');
  }
  return { tcp, unix };
}
