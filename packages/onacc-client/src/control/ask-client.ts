import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { messageOf } from '@portcullis/shared';
import { SNAPSHOT_FORMAT } from './status-snapshot.js';
import type { StatusSnapshot } from './status-snapshot.js';

/** A hundred problems in each of some thousand places stay below it. */
const SNAPSHOT_MAX_BYTES = 16 * 1024 ** 2;
/** For the whole conversation: a client that is alive answers in milliseconds, unless its main thread is blocked. */
const ANSWER_MAX_MS = 5_000;

export type ClientAnswer =
  | { readonly kind: 'snapshot'; readonly snapshot: StatusSnapshot }
  /** Nobody listens there. */
  | { readonly kind: 'notRunning'; readonly reason: string }
  /** Somebody may, but cannot be asked. One sentence that says what to do. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Asks the client on a control socket for its snapshot. Never throws. */
export async function askClient(socketPath: string): Promise<ClientAnswer> {
  const stranger = await ownerProblem(socketPath);
  if (stranger !== undefined) return stranger;
  const text = await readAll(socketPath);
  if (text.kind !== 'text') return text;
  try {
    return decodeSnapshot(JSON.parse(text.text));
  } catch (error) {
    return failed(`what came from ${socketPath} is no snapshot: ${messageOf(error)}`);
  }
}

/** Whoever owns the directory can put a socket of his own there: root's word is taken, and our own. */
async function ownerProblem(path: string): Promise<ClientAnswer | undefined> {
  try {
    const status = await lstat(path);
    if (!status.isSocket()) return failed(`${path} is not a socket`);
    if (status.uid === 0 || status.uid === process.geteuid?.()) return undefined;
    return failed(`${path} belongs to uid ${status.uid}, not to root: what it says is not believed`);
  } catch (error) {
    return connectionProblem(path, error);
  }
}

function readAll(path: string): Promise<{ kind: 'text'; text: string } | ClientAnswer> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const parts: Buffer[] = [];
    let bytes = 0;
    const settle = (answer: { kind: 'text'; text: string } | ClientAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      settle(
        failed(
          `the client on ${path} gave no answer within ${ANSWER_MAX_MS / 1_000} s: its main thread is busy or blocked (see its log)`,
        ),
      );
    }, ANSWER_MAX_MS);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > SNAPSHOT_MAX_BYTES) settle(failed(`the answer from ${path} is too long`));
    });
    socket.on('end', () => {
      if (bytes === 0) {
        settle(failed(`the client on ${path} closed without an answer: too many ask it at once, try again`));
      } else settle({ kind: 'text', text: Buffer.concat(parts).toString('utf8') });
    });
    socket.on('error', (error) => {
      settle(connectionProblem(path, error));
    });
  });
}

function connectionProblem(path: string, error: unknown): ClientAnswer {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'notRunning', reason: `there is no control socket at ${path}` };
    case 'ECONNREFUSED':
      return { kind: 'notRunning', reason: `nobody answers on ${path}` };
    case 'EACCES':
    case 'EPERM':
      return failed(`${path}: permission denied; only root may ask: run it with sudo`);
    default:
      return failed(`${path}: ${messageOf(error)}`);
  }
}

/** Whoever answers is root, or ourselves, so this tells apart versions and not attackers. */
function decodeSnapshot(value: unknown): ClientAnswer {
  if (typeof value !== 'object' || value === null || !('format' in value)) {
    return failed('the answer is no snapshot');
  }
  if (value.format !== SNAPSHOT_FORMAT) {
    return failed(
      `the running client speaks another version (format ${String(value.format)}): use the onacc-client that it was started from`,
    );
  }
  return { kind: 'snapshot', snapshot: value as StatusSnapshot }; // our own makeSnapshot's, of the same format
}

function failed(reason: string): ClientAnswer {
  return { kind: 'failed', reason };
}
