import { lookup } from 'node:dns/promises';
import { messageOf } from '@portcullis/shared';
import { OwnedFd } from '@portcullis/shared/native';
import type { NativeApi, TcpAddress, TcpKeepAlive } from '@portcullis/shared/native';
import { AcceptLoop } from './accept-loop.js';
import { ListenError } from './listen-error.js';
import type { AcceptTransport, Listener, ListenerDeps } from './listener.js';
import type { ListenConfig } from './server-config.js';
import { StreamTransport } from './stream-transport.js';

/** Words that clients read as "every address" too. */
const WILDCARDS: ReadonlySet<string> = new Set(['any', 'all']);

/**
 * A client whose machine vanished is noticed half a minute after its last word. One that half-closed cannot be told from
 * one that closed until it is sent something; it gets its answer (behaviour 1.1), and what it asked for runs to its end, at
 * most MaxScanTime a file.
 */
const KEEP_ALIVE: TcpKeepAlive = { idleSeconds: 20, intervalSeconds: 1, probesMax: 10 };

/**
 * One listener for each address of TCPAddr, IPv6 ones for IPv6 only. An address that cannot be bound is logged and left
 * out (behaviour 2.5).
 *
 * @throws ListenError UNKNOWN_ADDRESS when a name does not resolve.
 */
export async function listenTcp(
  port: number,
  config: ListenConfig,
  deps: ListenerDeps,
  onTransport: AcceptTransport,
): Promise<TcpListener[]> {
  const { native, log } = deps;
  const listeners: TcpListener[] = [];
  for (const address of await resolveAddresses(config.tcpAddresses)) {
    const family = address.includes(':') ? 'inet6' : 'inet';
    let fd: number;
    try {
      fd = native.sockets.listenTcp({ family, address, port }, config.backlogMax);
    } catch (error) {
      log.listener('error', `TCP: Cannot bind to [${address}]:${port}: ${messageOf(error)}`);
      continue;
    }
    const listener = adoptTcp(fd, deps, onTransport);
    log.listener('info', `TCP: Bound to [${address}]:${listener.port}`);
    log.listener('info', `TCP: Setting connection queue length to ${config.backlogMax}`);
    listeners.push(listener);
  }
  return listeners;
}

/** Accepts on a listening TCP socket, such as one that systemd passed (taken). */
export function adoptTcp(fd: number, deps: ListenerDeps, onTransport: AcceptTransport): TcpListener {
  tune(fd, deps.native);
  return new TcpListener(new OwnedFd(deps.native.files, fd), deps, onTransport);
}

/** One bound address. */
export class TcpListener implements Listener {
  /** The port in use; another than asked for when that was 0. */
  readonly port: number;
  readonly #loop: AcceptLoop;

  constructor(socket: OwnedFd, deps: ListenerDeps, onTransport: AcceptTransport) {
    this.port = deps.native.sockets.localAddress(socket.borrow()).port;
    this.#loop = new AcceptLoop(socket, deps, {
      label: 'TCP',
      welcome: (connection) => {
        welcome(connection, deps, onTransport);
      },
    });
  }

  pause(): void {
    this.#loop.pause();
  }

  resume(): void {
    this.#loop.resume();
  }

  close(): void {
    this.#loop.close();
  }
}

/**
 * Looks the names of TCPAddr up, so that {@link listenTcp} has nothing left to ask anybody.
 *
 * @throws ListenError UNKNOWN_ADDRESS when a name does not resolve.
 */
export async function resolveListen<Listen extends ListenConfig>(listen: Listen): Promise<Listen> {
  if (listen.tcpPort === undefined) return listen;
  return { ...listen, tcpAddresses: await resolveAddresses(listen.tcpAddresses) };
}

async function resolveAddresses(names: readonly string[]): Promise<string[]> {
  if (names.length === 0 || names.some((name) => WILDCARDS.has(name))) return ['0.0.0.0', '::'];
  const addresses = new Set<string>();
  for (const name of names) {
    try {
      for (const { address } of await lookup(name, { all: true })) addresses.add(address);
    } catch (cause) {
      throw new ListenError('UNKNOWN_ADDRESS', `TCP: getaddrinfo: ${name} cannot be resolved`, {
        cause,
        context: { name },
      });
    }
  }
  return [...addresses];
}

/** Connections inherit it from their listener (measured), so it costs none of them a system call. */
function tune(fd: number, native: Pick<NativeApi, 'sockets'>): void {
  try {
    native.sockets.tuneTcp(fd, { keepAlive: KEEP_ALIVE });
  } catch {
    // A socket unit can ask for another protocol of streams, SCTP for instance, which goes on without.
  }
}

function welcome(socket: OwnedFd, deps: ListenerDeps, onTransport: AcceptTransport): void {
  const { native, turnEnd, sendBufTimeoutMs } = deps;
  let peer: TcpAddress;
  try {
    peer = native.sockets.peerAddress(socket.borrow());
  } catch {
    // ENOTCONN: it broke off while it waited.
    socket.close();
    return;
  }
  onTransport(
    new StreamTransport(native, socket, {
      peerName: peerNameOf(peer),
      losesUnread: true,
      turnEnd,
      stallMs: sendBufTimeoutMs,
    }),
  );
}

/** As clamd, which calls IPv6 clients `local` (behaviour 2.8). */
function peerNameOf({ family, address, port }: TcpAddress): string {
  return family === 'inet' ? `${address}@${port}` : 'local';
}
