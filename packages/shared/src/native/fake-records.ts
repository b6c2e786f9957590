import { systemError } from './fake-faults.js';
import type { FakeReadiness, OpenDescription } from './fake-descriptors.js';
import { WOULD_BLOCK } from './native-api.js';

/** A descriptor that is read record by record, none of them cut: inotify(7), signalfd(2). */
export abstract class FakeRecords implements OpenDescription {
  references = 0;
  readonly pollable = true;

  /** The oldest unread record, which stays where it is. */
  protected abstract first(): Buffer | undefined;
  /** Forgets the oldest record. */
  protected abstract shift(): void;
  abstract released(): void;

  readiness(): FakeReadiness {
    return { readable: this.first() !== undefined, writable: false, failed: false };
  }

  /** read(2): as many whole records as fit. @throws NativeError EINVAL where not even one does. */
  read(into: Uint8Array): number {
    let at = 0;
    for (let record = this.first(); record !== undefined; record = this.first()) {
      if (at + record.length > into.byteLength) {
        if (at === 0) throw systemError('read', 'EINVAL', { bufferBytes: into.byteLength });
        return at;
      }
      into.set(record, at);
      at += record.length;
      this.shift();
    }
    return at === 0 ? WOULD_BLOCK : at;
  }
}
