import type { EncryptedContainer, LimitReason } from '@portcullis/shared';
import type { ScanInput } from '../engine.js';
import type { ScanBudget } from '../scan-budget.js';
import type { MacroKind, UnpackContext, UnpackOutcome } from './unpacker.js';

/** An entry before it got its number. */
interface FoundEntry {
  readonly name: Uint8Array;
  readonly input: ScanInput;
  readonly compressedSizeBytes: number;
  readonly macro?: MacroKind;
}

const NOTHING: ScanInput = { sizeBytes: 0, read: () => new Uint8Array(0) };

/** The way through one container: numbers what is found, and keeps what went wrong until the end. */
export class ContainerWalk {
  readonly #context: UnpackContext;
  #entries = 0;
  #isStopped = false;
  #isDamaged = false;
  #limit: LimitReason | undefined;
  #encrypted: EncryptedContainer | undefined;

  constructor(context: UnpackContext) {
    this.#context = context;
  }

  get budget(): ScanBudget {
    return this.#context.budget;
  }

  /** False once nothing more of the container is wanted, or may be looked at. */
  mayContinue(): boolean {
    if (this.#isStopped) return false;
    const { budget } = this.#context;
    const isAllowed = budget.mayContinue() && !budget.isSpent;
    if (!isAllowed) this.#limit ??= budget.exceeded;
    return isAllowed;
  }

  /** Hands over an entry. */
  emit(entry: FoundEntry): void {
    this.#hand(entry, false);
  }

  /** Hands over the name of an entry that needs a password. */
  emitEncrypted(entry: Omit<FoundEntry, 'input'>, container: EncryptedContainer): void {
    this.#encrypted ??= container;
    this.#hand({ ...entry, input: NOTHING }, true);
  }

  /** Notes that something of the container could not be read. */
  damaged(): void {
    this.#isDamaged = true;
  }

  /** Notes that something was left out for a limit. */
  limited(reason: LimitReason): void {
    this.#limit ??= reason;
  }

  /** Notes that something was left out because a decoder had not memory enough, or broke down. */
  outOfMemory(): void {
    this.budget.note('fileTooLarge');
    this.limited('fileTooLarge');
  }

  outcome(): UnpackOutcome {
    if (this.#limit !== undefined) return { kind: 'incomplete', reason: this.#limit };
    if (this.#encrypted !== undefined)
      return { kind: 'incomplete', reason: 'encrypted', container: this.#encrypted };
    return { kind: this.#isDamaged ? 'damaged' : 'done' };
  }

  #hand(entry: FoundEntry, isEncrypted: boolean): void {
    this.#entries += 1;
    const { input } = entry;
    const answer = this.#context.emit({
      ...entry,
      sizeBytes: input.sizeBytes,
      isEncrypted,
      position: this.#entries,
    });
    if (answer === 'stop') this.#isStopped = true;
  }
}
