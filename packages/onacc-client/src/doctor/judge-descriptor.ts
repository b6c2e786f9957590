import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeCommand, messageOf } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import { readJudgement } from './judge-bytes.js';
import type { Judgement } from './judge-bytes.js';

type Native = Pick<NativeApi, 'sockets' | 'files'>;

const POLL_MS = 10;
/** A reply about one descriptor is one short line. */
const REPLY_MAX_BYTES = 65_536;

/**
 * Has a daemon judge a file by its descriptor, as the client does (FILDES, behaviour 1.7).
 *
 * @param socketPath - LocalSocket.
 * @param filePath - a file of ours; only its descriptor is told.
 */
export async function judgeDescriptor(
  { sockets, files }: Native,
  { socketPath, filePath, timeoutMs }: { socketPath: string; filePath: string; timeoutMs: number },
): Promise<Judgement> {
  let socket: number | undefined;
  let file: number | undefined;
  try {
    file = openSync(filePath, 'r');
    socket = sockets.createUnix();
    const giveUpAtMs = performance.now() + timeoutMs;
    const isLate = (): boolean => performance.now() > giveUpAtMs;
    while (sockets.connectUnix(socket, socketPath) === 'inProgress') {
      if (isLate()) return failed('its connection queue is full');
      await pause(POLL_MS);
    }
    const command = Buffer.concat([encodeCommand('FILDES'), Buffer.alloc(1)]);
    if (sockets.sendWithFd(socket, command, file) !== command.length) return failed('it takes no command');
    return await readReply({ sockets, files }, socket, isLate);
  } catch (error) {
    return failed(messageOf(error));
  } finally {
    if (socket !== undefined) files.close(socket);
    if (file !== undefined) closeSync(file);
  }
}

async function readReply(
  { sockets, files }: Native,
  socket: number,
  isLate: () => boolean,
): Promise<Judgement> {
  let reply = '';
  while (reply.length < REPLY_MAX_BYTES) {
    const message = sockets.receive(socket);
    if (message === undefined) {
      if (isLate()) return failed('no verdict in time');
      await pause(POLL_MS);
      continue;
    }
    for (const fd of message.fds) files.close(fd);
    if (message.bytes.length === 0) return failed('it closed the connection without a verdict');
    reply += message.bytes.toString('latin1');
    const end = reply.search(/[\0\n]/);
    if (end !== -1) return readJudgement(reply.slice(0, end));
  }
  return failed('its reply is too long');
}

function failed(reason: string): Judgement {
  return { kind: 'failed', reason };
}
