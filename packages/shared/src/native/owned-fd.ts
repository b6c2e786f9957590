import type { FileApi } from './native-api.js';

/** A descriptor with an owner: closed exactly once, by whoever holds this. */
export class OwnedFd {
  readonly #files: Pick<FileApi, 'close'>;
  #fd: number;

  /** Takes `fd`. */
  constructor(files: Pick<FileApi, 'close'>, fd: number) {
    this.#files = files;
    this.#fd = fd;
  }

  /** Lends the number. Not to be stored. @throws when it was closed or released: a bug. */
  borrow(): number {
    if (this.#fd < 0) throw new Error('the fd was used after it was closed or released');
    return this.#fd;
  }

  /** Hands the fd on, for instance to another thread: from here on somebody else closes it. */
  release(): number {
    const fd = this.borrow();
    this.#fd = -1;
    return fd;
  }

  /** Closes it; the second call does nothing. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#files.close(fd);
  }
}
