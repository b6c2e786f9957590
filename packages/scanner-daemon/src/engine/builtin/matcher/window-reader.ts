import type { ScanInput } from '../../engine.js';
import { CORE_BYTES, readWindow, type InputWindow } from './input-window.js';

/** Folded copies that are kept at a time: files of up to 16 MiB are folded once. */
const FOLDED_WINDOWS_MAX = 16;

const LOWER_CASE: Uint8Array = Uint8Array.from({ length: 256 }, (_none, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

/** A window as buffers, which can be searched. */
export interface SearchWindow extends InputWindow {
  readonly buffer: Buffer;
}

/** The windows of one input, read on demand, and their copies in lower case. Belongs to one scan. */
export class WindowReader {
  readonly input: ScanInput;
  readonly #folded = new Map<number, Buffer>();
  #isUnreadable = false;

  constructor(input: ScanInput) {
    this.input = input;
  }

  /** Whether the input became shorter than it said. */
  get isUnreadable(): boolean {
    return this.#isUnreadable;
  }

  /** The window whose core holds `inputOffset`; valid until the next call. Undefined where it cannot be read. */
  windowAt(inputOffset: number): SearchWindow | undefined {
    const window = readWindow(this.input, Math.floor(inputOffset / CORE_BYTES) * CORE_BYTES);
    if (window === undefined) {
      this.#isUnreadable = true;
      return undefined;
    }
    const { bytes } = window;
    return { ...window, buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  }

  /** The bytes of a window with A-Z as a-z. */
  folded(window: SearchWindow): Buffer {
    const known = this.#folded.get(window.inputOffset);
    if (known !== undefined) return known;
    const folded = Buffer.allocUnsafe(window.bytes.length);
    const { bytes } = window;
    for (let at = 0; at < bytes.length; at++) folded[at] = LOWER_CASE[bytes[at] ?? 0] ?? 0;
    if (this.#folded.size === FOLDED_WINDOWS_MAX) this.#folded.clear();
    this.#folded.set(window.inputOffset, folded);
    return folded;
  }
}

/** A run as {@link WindowReader.folded} has it. */
export function foldRun(run: Uint8Array): Buffer {
  return Buffer.from(run.map((byte) => LOWER_CASE[byte] ?? 0));
}
