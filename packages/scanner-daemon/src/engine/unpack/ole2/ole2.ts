import { bytesInput, type ScanInput } from '../../engine.js';
import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { ContainerWalk } from '../container-walk.js';
import { readStructure } from '../input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from '../unpacker.js';
import { openCompoundFile, streamInput, type CompoundFile, type CompoundStream } from './compound-file.js';
import { nativeObjectOf, presentationObjects } from './embedded-objects.js';
import { decompressVbaModule } from './vba-modules.js';

/**
 * OLE2 compound files (doc, xls, ppt, msi): each stream is an entry, and so are a VBA module's source, an
 * embedded file and a packed object in it.
 */
export const ole2Unpacker: Unpacker = { format: 'ole2', unpack: unpackOle2 };

/** A larger stream is scanned as it is: nothing is looked for in it. */
const SEARCHED_STREAM_MAX_BYTES = 64 * 1024 * 1024;

function unpackOle2(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  const file = openCompoundFile(input, () => context.budget.mayContinue());
  if (file === undefined) return { kind: 'damaged' };
  for (const stream of file.streams) {
    if (!walk.mayContinue()) break;
    visitStream(walk, file, stream);
  }
  return walk.outcome();
}

function visitStream(walk: ContainerWalk, file: CompoundFile, stream: CompoundStream): void {
  const content = streamInput(file, stream);
  if (content.sizeBytes < stream.sizeBytes) walk.damaged();
  if (content.sizeBytes === 0) return;
  const { name } = stream;
  walk.emit({ name, input: content, compressedSizeBytes: content.sizeBytes });
  if (content.sizeBytes > SEARCHED_STREAM_MAX_BYTES || !walk.mayContinue()) return;
  const bytes = readStructure(content, 0, content.sizeBytes);
  if (bytes !== undefined) visitContent(walk, name, bytes);
}

function visitContent(walk: ContainerWalk, name: Buffer, bytes: Buffer): void {
  const limitsNow = (): DecodeLimits => ({
    limitBytes: walk.budget.unpackLimitBytes,
    mayContinue: () => walk.mayContinue(),
  });
  const native = nativeObjectOf(name, bytes);
  if (native !== undefined && native.length > 0)
    walk.emit({ name, input: bytesInput(native), compressedSizeBytes: native.length });
  for (const object of presentationObjects(name, bytes, limitsNow)) {
    if (!walk.mayContinue()) return;
    emitDecoded(walk, name, object);
  }
  const source = decompressVbaModule(bytes, limitsNow());
  if (source !== undefined && walk.mayContinue()) emitDecoded(walk, name, source, { isMacro: true });
}

function emitDecoded(
  walk: ContainerWalk,
  name: Buffer,
  { bytes, consumedBytes, ending }: Decoded,
  what: { readonly isMacro?: boolean } = {},
): void {
  if (ending === 'damaged') walk.damaged();
  if (ending === 'overLimit') walk.limited(walk.budget.refuseUnpacked());
  else walk.emit({ name, input: bytesInput(bytes), compressedSizeBytes: consumedBytes, ...what });
}
