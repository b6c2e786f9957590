import type { TargetName } from '../options.js';
import type { Seeds } from '../mutate.js';

/** A decoder under fuzz, in-process. Whatever it keeps on disk is gone again when a check is over. */
export interface DecoderTarget extends Seeds {
  readonly name: Exclude<TargetName, 'daemon'>;
  /** @throws FuzzError FUZZ_INVARIANT_BROKEN; anything else thrown is a finding as well */
  check(input: Buffer): void | Promise<void>;
}

/** Text with one character a byte, as bytes. */
export function bytesOf(...texts: readonly string[]): readonly Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}
