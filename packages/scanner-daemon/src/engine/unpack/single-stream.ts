import { bytesInput, type ScanInput } from '../engine.js';
import type { Decode } from './codecs/decoded.js';
import { ContainerWalk } from './container-walk.js';
import { readRange } from './input-range.js';
import type { ContainerFormat, UnpackContext, UnpackOutcome, Unpacker } from './unpacker.js';

const NO_NAME = new Uint8Array(0);

/**
 * An unpacker for a format whose files are nameless streams, one after the other, each an entry. What came out
 * before damage is scanned; of what is larger than a limit nothing is, as by clamscan 1.4.6.
 */
export function singleStreamUnpacker(format: ContainerFormat, decode: Decode): Unpacker {
  const unpack = (input: ScanInput, context: UnpackContext): UnpackOutcome => {
    const walk = new ContainerWalk(context);
    const { budget } = context;
    for (let at = 0; at < input.sizeBytes && walk.mayContinue();) {
      const { bytes, consumedBytes, ending } = decode(readRange(input, at, input.sizeBytes), {
        limitBytes: budget.unpackLimitBytes,
        mayContinue: () => walk.mayContinue(),
      });
      at += consumedBytes;
      if (ending === 'overLimit') {
        walk.limited(budget.refuseUnpacked());
        break;
      }
      if (ending === 'damaged') walk.damaged();
      if (ending === 'outOfMemory') walk.outOfMemory();
      if (bytes.length > 0 && walk.mayContinue())
        walk.emit({ name: NO_NAME, input: bytesInput(bytes), compressedSizeBytes: consumedBytes });
      if (ending !== 'complete' || consumedBytes === 0) break;
    }
    return walk.outcome();
  };
  return { format, unpack };
}
