import type { FileApi } from '@portcullis/shared/native';
import type { ScanInput } from '../engine/engine.js';

/** A file of at most this size is read whole, with one call. */
const WHOLE_FILE_BYTES_MAX = 1024 * 1024;
/** A larger file is read in windows of up to this size, where no more is asked for, as long as reads go on from it. */
const WINDOW_BYTES = 256 * 1024;
/** A read elsewhere begins with a window of this size: the headers of an archive lie here and there. */
const FIRST_WINDOW_BYTES = 4096;
/** Windows of up to this size are read into the thread's memory; a larger one gets memory of its own. */
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;

/** Memory of one thread, in use while a scan runs. It grows to the windows that the engine asks for. */
export class ReadScratch {
  #bytes = new Uint8Array(WHOLE_FILE_BYTES_MAX);

  /** At least `lengthBytes` bytes of anything. */
  lend(lengthBytes: number): Uint8Array {
    if (lengthBytes > SCRATCH_BYTES_MAX) return new Uint8Array(lengthBytes);
    if (lengthBytes > this.#bytes.byteLength) this.#bytes = new Uint8Array(lengthBytes);
    return this.#bytes;
  }
}

/** A {@link ScanInput} that knows why a read came back short. */
export interface FileInput extends ScanInput {
  /** What pread failed with; undefined while all went well. */
  readonly failure: unknown;
}

/**
 * Reads a borrowed descriptor with pread(2), so that its shared offset never moves. A failing read is told to the
 * engine as a short view and kept in `failure`: no exception of ours runs through the engine.
 */
export function openFileInput(
  files: Pick<FileApi, 'readAt'>,
  fd: number,
  sizeBytes: number,
  scratch: ReadScratch,
): FileInput {
  let window: Uint8Array = new Uint8Array(0);
  let windowOffset = 0;
  let readAheadBytes = WINDOW_BYTES;
  let failure: unknown;

  const fill = (inputOffset: number, wantedBytes: number): void => {
    const target = scratch.lend(wantedBytes);
    let got = 0;
    while (got < wantedBytes) {
      let read: number;
      try {
        read = files.readAt(fd, target.subarray(got, wantedBytes), inputOffset + got);
      } catch (error) {
        failure ??= error;
        break;
      }
      if (read <= 0) break;
      got += read;
    }
    window = target.subarray(0, got);
    windowOffset = inputOffset;
  };

  /** Each read that goes on where the window ends doubles what is read ahead; any other one begins anew. */
  const aheadOf = (inputOffset: number): number => {
    const goesOn = inputOffset >= windowOffset && inputOffset <= windowOffset + window.byteLength;
    readAheadBytes = goesOn ? Math.min(2 * readAheadBytes, WINDOW_BYTES) : FIRST_WINDOW_BYTES;
    return readAheadBytes;
  };

  return {
    sizeBytes,
    get failure() {
      return failure;
    },
    read(inputOffset, lengthBytes) {
      const end = Math.min(inputOffset + lengthBytes, sizeBytes);
      if (inputOffset < windowOffset || end > windowOffset + window.byteLength) {
        if (sizeBytes <= WHOLE_FILE_BYTES_MAX) fill(0, sizeBytes);
        else
          fill(inputOffset, Math.min(Math.max(lengthBytes, aheadOf(inputOffset)), sizeBytes - inputOffset));
      }
      const start = inputOffset - windowOffset;
      return window.subarray(
        Math.min(start, window.byteLength),
        Math.min(end - windowOffset, window.byteLength),
      );
    },
  };
}
