import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { isAbsolute } from 'node:path';
import type { ProbeAddress } from './probe-address.js';

/** The longest reply that is read; STATS with every thread busy is a few hundred KiB at most. */
export const REPLY_MAX_BYTES = 1024 * 1024;

export type ProbeAnswer =
  | { readonly kind: 'reply'; readonly text: string; readonly elapsedMs: number }
  /** One clause that says why. `reached`: somebody accepted the connection. */
  | { readonly kind: 'failed'; readonly reached: boolean; readonly reason: string };

/**
 * Sends one `z` command on a connection of its own and reads its reply up to the NUL (behaviour 1.2).
 *
 * @param command upper case, no terminator.
 * @param timeoutMs for all of it.
 */
export function askDaemon(address: ProbeAddress, command: string, timeoutMs: number): Promise<ProbeAnswer> {
  const beganAtMs = performance.now();
  return new Promise((resolve) => {
    const socket = address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host);
    const reply: Buffer[] = [];
    let replyBytes = 0;
    let reached = false;
    const settle = (answer: ProbeAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const fail = (reason: string): void => {
      settle({ kind: 'failed', reached, reason });
    };
    const timer = setTimeout(() => {
      const seconds = Math.round(timeoutMs) / 1000;
      fail(reached ? `no answer to ${command} within ${seconds} s` : `no connection within ${seconds} s`);
    }, timeoutMs);
    socket.on('connect', () => {
      reached = true;
      socket.write(`z${command}\0`);
    });
    socket.on('data', (bytes: Buffer) => {
      const end = bytes.indexOf(0);
      reply.push(end === -1 ? bytes : bytes.subarray(0, end));
      replyBytes += bytes.length;
      if (replyBytes > REPLY_MAX_BYTES)
        fail(`the reply to ${command} is longer than ${REPLY_MAX_BYTES} bytes`);
      else if (end !== -1) {
        const text = Buffer.concat(reply).toString('utf8');
        settle({ kind: 'reply', text, elapsedMs: performance.now() - beganAtMs });
      }
    });
    socket.on('end', () => {
      fail(`the connection was closed before ${command} was answered`);
    });
    failOnError(socket, fail, address);
  });
}

function failOnError(socket: Socket, fail: (reason: string) => void, address: ProbeAddress): void {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    fail(describeError(error, address));
  });
}

function describeError(error: NodeJS.ErrnoException, address: ProbeAddress): string {
  switch (error.code) {
    case 'ENOENT':
      if (address.kind === 'unix' && !isAbsolute(address.path)) {
        return `there is no such socket file: LocalSocket is relative, and looked for below ${process.cwd()}`;
      }
      return 'there is no such socket file (is the daemon running, and is this its LocalSocket?)';
    case 'ECONNREFUSED':
      return address.kind === 'unix'
        ? 'connection refused: nobody listens on this socket file'
        : 'connection refused';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied: this user may not connect (LocalSocketMode, LocalSocketGroup, directory modes)';
    case 'EAGAIN':
      return 'the connection queue is full';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name cannot be resolved';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was reset';
    case undefined:
    default:
      return error.message;
  }
}
