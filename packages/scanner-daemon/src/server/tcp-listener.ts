import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { ListenError } from './listen-error.js';
import type { AcceptTransport, Listener } from './listener.js';
import type { ListenConfig } from './server-config.js';
import { TcpTransport } from './tcp-transport.js';
import type { ListenerDeps } from './unix-listener.js';

/** Words that clients read as "every address" too. */
const WILDCARDS: ReadonlySet<string> = new Set(['any', 'all']);

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
  const listeners: TcpListener[] = [];
  for (const address of await resolveAddresses(config.tcpAddresses)) {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const outcome = await listen(server, (onListening) =>
      server.listen({ host: address, port, backlog: config.backlogMax, ipv6Only: true }, onListening),
    );
    if (outcome !== 'listening') {
      deps.log.listener('error', `TCP: Cannot bind to [${address}]:${port}: ${outcome.message}`);
      continue;
    }
    const listener = new TcpListener(server, { ...deps, heldMax: config.backlogMax }, onTransport);
    deps.log.listener('info', `TCP: Bound to [${address}]:${listener.port}`);
    deps.log.listener('info', `TCP: Setting connection queue length to ${config.backlogMax}`);
    listeners.push(listener);
  }
  return listeners;
}

/**
 * Listens on a bound TCP socket that systemd passed (taken). node:net calls listen(2) on it once more, so the queue
 * length is ours, not the socket unit's.
 *
 * @returns undefined when it cannot be listened on; that was logged.
 */
export async function adoptTcp(
  fd: number,
  config: ListenConfig,
  deps: ListenerDeps,
  onTransport: AcceptTransport,
): Promise<TcpListener | undefined> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const outcome = await listen(server, (onListening) =>
    server.listen({ fd }, config.backlogMax, onListening),
  );
  if (outcome !== 'listening') {
    deps.log.listener('error', `TCP: Cannot listen on file descriptor ${fd}: ${outcome.message}`);
    return undefined;
  }
  return new TcpListener(server, { ...deps, heldMax: config.backlogMax }, onTransport);
}

/** One bound address. */
export class TcpListener implements Listener {
  readonly #server: Server;
  readonly #deps: ListenerDeps;
  readonly #onTransport: AcceptTransport;
  /** node:net cannot leave connections in the backlog: while paused they wait here, unread. */
  readonly #held: Socket[] = [];
  #paused = false;

  /** @param deps.heldMax how many may wait, as many as in the backlog. */
  constructor(server: Server, deps: ListenerDeps & { heldMax: number }, onTransport: AcceptTransport) {
    this.#server = server;
    this.#deps = deps;
    this.#onTransport = onTransport;
    server.on('connection', (socket) => {
      if (!this.#paused) {
        this.#take(socket);
      } else if (this.#held.length < deps.heldMax) {
        // Its client may leave in the meantime: that shows when it is read.
        socket.on('error', () => undefined);
        this.#held.push(socket);
      } else {
        socket.destroy();
      }
    });
    server.on('error', (error) => {
      deps.log.fault(error, 'TCP: accept() failed');
    });
  }

  /** The port in use; another than asked for when that was 0. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    // Taking one may pause us again.
    while (!this.#isPaused()) {
      const socket = this.#held.shift();
      if (socket === undefined) return;
      this.#take(socket);
    }
  }

  close(): Promise<void> {
    for (const socket of this.#held.splice(0)) socket.destroy();
    return new Promise((resolve) => {
      // Calls back with an error when it was not listening: that is what was wanted.
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #isPaused(): boolean {
    return this.#paused;
  }

  #take(socket: Socket): void {
    if (socket.destroyed) return;
    const { turnEnd, sendBufTimeoutMs } = this.#deps;
    this.#onTransport(new TcpTransport(socket, { turnEnd, stallMs: sendBufTimeoutMs }));
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

function listen(server: Server, begin: (onListening: () => void) => unknown): Promise<'listening' | Error> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => {
      resolve(error);
    };
    server.once('error', onError);
    begin(() => {
      server.off('error', onError);
      resolve('listening');
    });
  });
}
