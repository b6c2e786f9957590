import { randomBytes } from 'node:crypto';
import { close, constants, open, unlink, write } from 'node:fs';
import { join } from 'node:path';
import { OwnedFd } from '@portcullis/shared/native';

type Done<Value> = (error: unknown, value?: Value) => void;

/** Closing a big unlinked file frees its blocks, which takes time: never on the main thread. */
const closeElsewhere = {
  close: (fd: number): void => {
    close(fd, () => {
      // The descriptor is gone, whatever close(2) says.
    });
  },
};

/** A file being filled. Whoever holds it lets go of it with `drop` or, once it is full, passes `fd` on. */
export interface TemporaryFile {
  /** Readable and writable. */
  readonly fd: OwnedFd;
  /** Where it can be found; undefined = nowhere. */
  readonly path: string | undefined;
  /** Closes it, and leaves nothing behind. */
  drop(): void;
}

/**
 * Makes a file that only its descriptor leads to: created 0600 under a name nobody can guess (O_EXCL, no link
 * followed) and unlinked at once, so that nothing is left behind however the daemon ends.
 *
 * @param options.keepName LeaveTemporaryFiles: the name stays, as clamd's `clamav-<32 hex>.tmp` (behaviour 1.8).
 */
export function openTemporaryFile(
  { directory, keepName }: { directory: string; keepName: boolean },
  done: Done<TemporaryFile>,
): void {
  const path = join(directory, `clamav-${randomBytes(16).toString('hex')}.tmp`);
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600, (openError, number) => {
    if (openError !== null) {
      done(openError);
      return;
    }
    const fd = new OwnedFd(closeElsewhere, number);
    if (keepName) {
      done(null, namedFile(fd, path));
      return;
    }
    unlink(path, (unlinkError) => {
      if (unlinkError === null) {
        done(null, {
          fd,
          path: undefined,
          drop: () => {
            fd.close();
          },
        });
        return;
      }
      fd.close();
      done(unlinkError);
    });
  });
}

function namedFile(fd: OwnedFd, path: string): TemporaryFile {
  return {
    fd,
    path,
    drop: () => {
      fd.close();
      unlink(path, () => {
        // Somebody was faster.
      });
    },
  };
}

/** Writes all of `bytes` at `offset`, however many calls the kernel makes of it. Borrows the fd until `done`. */
export function writeAll(
  fd: number,
  bytes: Uint8Array,
  offset: number,
  done: (error: unknown) => void,
): void {
  write(fd, bytes, 0, bytes.byteLength, offset, (error, written) => {
    if (error !== null) done(error);
    else if (written >= bytes.byteLength) done(null);
    else if (written === 0) done(new Error('the temporary file takes no more bytes'));
    else writeAll(fd, bytes.subarray(written), offset + written, done);
  });
}
