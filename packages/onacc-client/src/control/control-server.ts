import { lstatSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname, isAbsolute } from 'node:path';
import { messageOf } from '@portcullis/shared';
import type { StatusSnapshot } from './status-snapshot.js';

/** Connections at a time; a further one is closed unanswered. */
const CLIENTS_MAX = 8;
/** How long one connection may last. */
const CLIENT_MAX_MS = 1_000;
/** How long somebody who holds the socket may take to let us in. */
const PROBE_MAX_MS = 1_000;
/** sun_path without its final NUL (unix(7)). */
const PATH_MAX_BYTES = 107;
/** Nothing but read and write for the owner. */
const SOCKET_UMASK = 0o177;
const DIRECTORY_MODE = 0o755;

export interface ControlServerOptions {
  /** ONACC_CONTROL_SOCKET. */
  readonly socketPath: string;
  /** Called for each connection, on the main thread. */
  readonly snapshot: () => StatusSnapshot;
  /** Something went wrong later on; the client goes on without. */
  readonly onTrouble: (message: string) => void;
}

/** `refused`: the client runs without a control socket, for this reason. */
export type ControlStart =
  { readonly kind: 'listening' } | { readonly kind: 'refused'; readonly reason: string };

/**
 * Answers every connection with one JSON snapshot and a line end, whatever is sent, and closes it. Only the owner (root)
 * can connect. Opens no file once it listens: it may be called while the gates are blocked. One a process: a reload leaves it
 * as it is.
 */
export class ControlServer {
  readonly #path: string;
  readonly #onTrouble: (message: string) => void;
  readonly #clients = new Set<Socket>();
  readonly #snapshot: () => StatusSnapshot;
  #server: Server | undefined;

  constructor({ socketPath, snapshot, onTrouble }: ControlServerOptions) {
    this.#path = socketPath;
    this.#snapshot = snapshot;
    this.#onTrouble = onTrouble;
  }

  /** Binds the socket, before the first mark is set. Never throws. */
  async start(): Promise<ControlStart> {
    const path = this.#path;
    if (!isAbsolute(path)) return refused(`${path} is not an absolute path`);
    if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
      return refused(`${path} is longer than ${PATH_MAX_BYTES} bytes`);
    }
    try {
      makeDirectory(dirname(path));
      const obstacle = await clearPath(path);
      if (obstacle !== undefined) return refused(`${path}: ${obstacle}`);
      this.#server = await this.#listen();
      return { kind: 'listening' };
    } catch (error) {
      return refused(`${path}: ${messageOf(error)}`);
    }
  }

  /** Closes everything and removes the socket. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const client of this.#clients) client.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #listen(): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      this.#answer(client);
    });
    server.maxConnections = CLIENTS_MAX;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        // Out of descriptors for instance: the next connection may fare better.
        server.on('error', (error) => {
          this.#onTrouble(`control socket: ${messageOf(error)}`);
        });
        // Being asked is no reason to live.
        server.unref();
        resolve(server);
      });
      // A chmod afterwards would follow a symbolic link that somebody has put there meanwhile. bind(2) is done before
      // listen() returns.
      const umask = process.umask(SOCKET_UMASK);
      try {
        server.listen(this.#path);
      } finally {
        process.umask(umask);
      }
    });
  }

  #answer(client: Socket): void {
    this.#clients.add(client);
    const timer = setTimeout(() => client.destroy(), CLIENT_MAX_MS);
    client.on('error', () => undefined); // Whoever asked is gone; 'close' follows.
    client.on('close', () => {
      clearTimeout(timer);
      this.#clients.delete(client);
    });
    try {
      client.end(`${JSON.stringify(this.#snapshot())}\n`, () => client.destroy());
    } catch (error) {
      client.destroy();
      this.#onTrouble(`control socket: ${messageOf(error)}`);
    }
  }
}

function refused(reason: string): ControlStart {
  return { kind: 'refused', reason };
}

/** One level: a recursive mkdirSync never returns where mkdir(2) says ENOENT below what is there (Node 20, in /proc). */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: DIRECTORY_MODE });
}

/** Removes a socket that nobody answers on. @returns what is in the way. */
async function clearPath(path: string): Promise<string | undefined> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (!status.isSocket()) return 'it is there and not a socket; remove it, or set ONACC_CONTROL_SOCKET';
  if (await isAnswered(path)) {
    return 'another onacc-client answers there; stop it, or give this one an ONACC_CONTROL_SOCKET of its own';
  }
  unlinkSync(path);
  return undefined;
}

/** Only a refused connection proves that nobody is there: a full backlog, or silence, is somebody's. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(settle, PROBE_MAX_MS, true);
    socket.on('connect', () => {
      settle(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
