import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';

/** Fake descriptors start here, so that one that strays into a real call finds nothing of ours there. */
const FIRST_FD = 1_000;

/** What an fd is ready for. `failed` is poll(2)'s POLLERR. */
export interface FakeReadiness {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly failed: boolean;
}

/** An open file description (open(2)): what several descriptors, and messages in flight, can refer to. */
export interface OpenDescription {
  /** How many descriptors and messages in flight refer to it. Kept by {@link FakeDescriptors}. */
  references: number;
  readonly pollable: boolean;
  readiness(): FakeReadiness;
  /** The last reference is gone. */
  released(): void;
}

/** Tells the poller that something may have become ready. */
export class FakeWakeups {
  #listener: () => void = () => undefined;

  listen(listener: () => void): void {
    this.#listener = listener;
  }

  notify(): void {
    this.#listener();
  }
}

/** The one table of descriptors of the process under test. */
export class FakeDescriptors {
  readonly #slots = new Map<number, OpenDescription>();
  readonly #faults: FakeFaults;
  /** The soft RLIMIT_NOFILE. */
  openFilesMax: number;

  constructor(faults: FakeFaults, openFilesMax: number) {
    this.#faults = faults;
    this.openFilesMax = openFilesMax;
  }

  get count(): number {
    return this.#slots.size;
  }

  get hasRoom(): boolean {
    return this.#slots.size < this.openFilesMax;
  }

  /** @throws NativeError EMFILE when the table is full. */
  requireRoom(syscall: string): void {
    if (!this.hasRoom) throw systemError(syscall, 'EMFILE');
  }

  /** The lowest free number, as the kernel gives it. @throws NativeError EMFILE when the table is full. */
  install(description: OpenDescription, syscall: string): number {
    this.requireRoom(syscall);
    let fd = FIRST_FD;
    while (this.#slots.has(fd)) fd += 1;
    this.#slots.set(fd, description);
    this.retain(description);
    return fd;
  }

  /** @throws NativeError EBADF when nothing is open under that number. */
  get(fd: number, syscall: string): OpenDescription {
    const description = this.#slots.get(fd);
    if (description === undefined) throw systemError(syscall, 'EBADF', { fd });
    return description;
  }

  find(fd: number): OpenDescription | undefined {
    return this.#slots.get(fd);
  }

  close(fd: number): void {
    const description = this.get(fd, 'close');
    this.#slots.delete(fd);
    this.release(description);
    this.#faults.pass('close');
  }

  /** dup2(2). */
  duplicate(fd: number, onto: number): void {
    const description = this.get(fd, 'dup2');
    if (onto < 0) throw systemError('dup2', 'EBADF', { onto });
    const replaced = this.find(onto);
    if (replaced === description) return;
    this.#slots.set(onto, description);
    this.retain(description);
    if (replaced !== undefined) this.release(replaced);
  }

  retain(description: OpenDescription): void {
    description.references += 1;
  }

  release(description: OpenDescription): void {
    description.references -= 1;
    if (description.references === 0) description.released();
  }
}
