import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { encodeChunkHeader, encodeCommand, encodePathCommand, encodeStreamEnd } from '@portcullis/shared';
import { encodePath } from '@portcullis/shared/native';
import type { Question } from './ask.js';
import { pathVerbs } from './modes.js';
import type { ModeName, PathModeName } from './modes.js';

/** A question about one file, which both daemons are asked; `close` gives up the descriptor behind it. */
export interface FileQuestion extends Question {
  readonly close: () => void;
}

const chunkBytes = 64 * 1024;
/** A link or a pipe put in the file's place since the walk saw it must not be followed or waited for. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The question of a mode about a file.
 *
 * @param path - absolute, as `decodePath` gives it
 * @throws Error when the file cannot be opened; ProtocolError when its path is longer than a command may be
 */
export function questionAbout(mode: ModeName, path: string): FileQuestion {
  if (mode !== 'fildes' && mode !== 'instream')
    return { ...pathQuestion(mode, path), close: () => undefined };
  const fd = openRegular(path);
  const close = () => {
    closeSync(fd);
  };
  return mode === 'fildes'
    ? { parts: () => [], passedFd: fd, close }
    : { parts: () => streamParts(fd), close };
}

/** The question of a mode that names a path: of a file, or of a whole tree. */
export function pathQuestion(mode: PathModeName, path: string): Question {
  const command = encodePathCommand(pathVerbs[mode], encodePath(path));
  return { parts: () => [command] };
}

function openRegular(path: string): number {
  const fd = openSync(encodePath(path), openFlags);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error('not a regular file any more');
}

/** INSTREAM with the file's bytes from its beginning, wherever the descriptor stands (behaviour 1.8). */
function* streamParts(fd: number): Generator<Uint8Array> {
  yield encodeCommand('INSTREAM');
  for (let offset = 0; ;) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const readBytes = readSync(fd, chunk, 0, chunkBytes, offset);
    if (readBytes === 0) break;
    yield encodeChunkHeader(readBytes);
    yield chunk.subarray(0, readBytes);
    offset += readBytes;
  }
  yield encodeStreamEnd();
}
