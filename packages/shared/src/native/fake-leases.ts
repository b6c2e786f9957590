import type { FakeDescriptors } from './fake-descriptors.js';
import { isRegular } from './fake-disk.js';
import type { FakeInode } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeFile } from './fake-files.js';
import type { FakeSignals } from './fake-signals.js';
import type { LeaseApi, LeaseProbe } from './native-api.js';

interface HeldLease {
  readonly file: FakeFile;
  readonly signal: number;
  readonly fd: number;
  breaking: boolean;
}

interface LeaseParts {
  readonly descriptors: FakeDescriptors;
  readonly faults: FakeFaults;
  readonly signals: FakeSignals;
}

/** Read leases (fcntl(2)). Opens of the process under test itself (`openFile`) break none. */
export class FakeLeases implements LeaseApi {
  readonly #parts: LeaseParts;
  readonly #held = new Set<HeldLease>();
  #waiting: (() => void)[] = [];

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  probe(fd: number): LeaseProbe {
    const file = this.#leasable(fd);
    if (file === undefined) return 'unsupported';
    return file.inode.writers > 0 ? 'writer' : 'noWriter';
  }

  hold(fd: number, { signal }: { readonly signal: number }): 'held' | 'writer' | 'unsupported' {
    this.#parts.faults.pass('hold');
    const file = this.#leasable(fd);
    if (file === undefined) return 'unsupported';
    if (file.inode.writers > 0) return 'writer';
    if (this.#leaseOf(file) !== undefined) return 'held';
    const lease: HeldLease = { file, signal, fd, breaking: false };
    this.#held.add(lease);
    file.onReleased(() => {
      this.#drop(lease);
    });
    return 'held';
  }

  release(fd: number): void {
    const description = this.#parts.descriptors.find(fd);
    const lease = description instanceof FakeFile ? this.#leaseOf(description) : undefined;
    if (lease !== undefined) this.#drop(lease);
  }

  isBeingBroken(fd: number): boolean {
    this.#parts.faults.pass('isBeingBroken');
    return this.#leaseOf(this.#parts.descriptors.get(fd, 'fcntl'))?.breaking !== false;
  }

  /** A writer opens: whoever holds a lease is told, and the writer waits. There is no lease-break-time. */
  async break(inode: FakeInode): Promise<void> {
    for (const lease of this.#held) {
      if (lease.file.inode !== inode || lease.breaking) continue;
      lease.breaking = true;
      this.#parts.signals.raise({ signal: lease.signal, fd: lease.fd });
    }
    while ([...this.#held].some((lease) => lease.file.inode === inode))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  // Only EAGAIN means a writer: EBADF, EINVAL and the like are all told the same way.
  #leasable(fd: number): FakeFile | undefined {
    const description = this.#parts.descriptors.find(fd);
    if (!(description instanceof FakeFile) || description.access === 'pathOnly') return undefined;
    return isRegular(description.inode) && description.inode.leases ? description : undefined;
  }

  #leaseOf(description: unknown): HeldLease | undefined {
    if (!(description instanceof FakeFile)) throw systemError('fcntl', 'EINVAL');
    return [...this.#held].find((lease) => lease.file === description);
  }

  #drop(lease: HeldLease): void {
    this.#held.delete(lease);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
