import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
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
    const outcome = await listen(server, { address, port, backlogMax: config.backlogMax });
    if (outcome !== 'listening') {
      deps.log.listener('error', `TCP: Cannot bind to [${address}]:${port}: ${outcome.message}`);
      continue;
    }
    const listener = new TcpListener(server, deps, onTransport);
    deps.log.listener('info', `TCP: Bound to [${address}]:${listener.port}`);
    deps.log.listener('info', `TCP: Setting connection queue length to ${config.backlogMax}`);
    listeners.push(listener);
  }
  return listeners;
}

/** One bound address. */
export class TcpListener implements Listener {
  readonly #server: Server;
  #paused = false;

  constructor(server: Server, deps: ListenerDeps, onTransport: AcceptTransport) {
    this.#server = server;
    const options = { turnEnd: deps.turnEnd, stallMs: deps.sendBufTimeoutMs };
    server.on('connection', (socket) => {
      // node:net cannot leave connections in the backlog: while paused they are accepted and closed.
      if (this.#paused) socket.destroy();
      else onTransport(new TcpTransport(socket, options));
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
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      // Calls back with an error when it was not listening: that is what was wanted.
      this.#server.close(() => {
        resolve();
      });
    });
  }
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

function listen(
  server: Server,
  to: { address: string; port: number; backlogMax: number },
): Promise<'listening' | Error> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => {
      resolve(error);
    };
    server.once('error', onError);
    server.listen({ host: to.address, port: to.port, backlog: to.backlogMax, ipv6Only: true }, () => {
      server.off('error', onError);
      resolve('listening');
    });
  });
}
