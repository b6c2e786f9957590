import { bytesInput, type ScanInput } from '../../engine.js';
import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { ContainerWalk } from '../container-walk.js';
import { readStructure } from '../input-range.js';
import type { UnpackContext, UnpackOutcome, Unpacker } from '../unpacker.js';
import { openCompoundFile, streamInput, type CompoundFile, type CompoundStream } from './compound-file.js';
import { nativeObjectOf, presentationObjects } from './embedded-objects.js';
import type { ProjectText } from './vba-project-text.js';
import { vbaSources } from './vba-modules.js';
import { readVbaProjects } from './vba-projects.js';

/**
 * OLE2 compound files (doc, xls, ppt, msi): each stream is an entry, and so are a VBA project as a text, a
 * module's source, an embedded file and a packed object.
 */
export const ole2Unpacker: Unpacker = { format: 'ole2', unpack: unpackOle2 };

/** A larger stream is scanned as it is: nothing is looked for in it. */
const SEARCHED_STREAM_MAX_BYTES = 64 * 1024 * 1024;

/** The text of a project is no stream, and has no name. */
const PROJECT_TEXT_NAME = Buffer.alloc(0);

function unpackOle2(input: ScanInput, context: UnpackContext): UnpackOutcome {
  const walk = new ContainerWalk(context);
  const file = openCompoundFile(input, () => context.budget.mayContinue());
  if (file === undefined) return { kind: 'damaged' };
  if (file.isCutOff) walk.limited('tooManyFiles');
  const projects = readVbaProjects(file, () => walk.mayContinue());
  for (const text of projects.texts(() => limitsOf(walk))) {
    if (!walk.mayContinue()) break;
    emitProjectText(walk, text);
  }
  for (const stream of file.streams) {
    if (!walk.mayContinue()) break;
    visitStream(walk, file, { stream, sourceOffset: projects.sourceOffsetOf(stream) });
  }
  return walk.outcome();
}

interface VisitedStream {
  readonly stream: CompoundStream;
  /** Where the source of a module is said to begin. */
  readonly sourceOffset: number | undefined;
}

function visitStream(walk: ContainerWalk, file: CompoundFile, { stream, sourceOffset }: VisitedStream): void {
  const content = streamInput(file, stream);
  if (content.sizeBytes < stream.sizeBytes) walk.damaged();
  if (content.sizeBytes === 0) return;
  const { name } = stream;
  walk.emit({ name, input: content, compressedSizeBytes: content.sizeBytes });
  if (content.sizeBytes > SEARCHED_STREAM_MAX_BYTES || !walk.mayContinue()) return;
  const bytes = readStructure(content, 0, content.sizeBytes);
  if (bytes !== undefined) visitContent(walk, { name, bytes, sourceOffset });
}

interface StreamContent {
  readonly name: Buffer;
  readonly bytes: Buffer;
  readonly sourceOffset: number | undefined;
}

function visitContent(walk: ContainerWalk, { name, bytes, sourceOffset }: StreamContent): void {
  const limitsNow = (): DecodeLimits => limitsOf(walk);
  const native = nativeObjectOf(name, bytes);
  if (native !== undefined && native.length > 0)
    walk.emit({ name, input: bytesInput(native), compressedSizeBytes: native.length });
  for (const object of presentationObjects(name, bytes, limitsNow)) {
    if (!walk.mayContinue()) return;
    emitDecoded(walk, name, object);
  }
  for (const source of vbaSources(bytes, sourceOffset, limitsNow)) {
    if (!walk.mayContinue()) return;
    emitDecoded(walk, name, source, 'module');
  }
}

function limitsOf(walk: ContainerWalk): DecodeLimits {
  return { limitBytes: walk.budget.unpackLimitBytes, mayContinue: () => walk.mayContinue() };
}

function emitProjectText(walk: ContainerWalk, text: ProjectText): void {
  if (text.kind === 'damaged') walk.damaged();
  if (text.kind === 'overLimit') walk.limited(walk.budget.refuseUnpacked());
  if (text.kind === 'text') {
    const input = bytesInput(text.bytes);
    walk.emit({ name: PROJECT_TEXT_NAME, input, compressedSizeBytes: input.sizeBytes, macro: 'project' });
  }
}

function emitDecoded(
  walk: ContainerWalk,
  name: Buffer,
  { bytes, consumedBytes, ending }: Decoded,
  macro?: 'module',
): void {
  if (ending === 'damaged') walk.damaged();
  if (ending === 'overLimit') walk.limited(walk.budget.refuseUnpacked());
  else
    walk.emit({
      name,
      input: bytesInput(bytes),
      compressedSizeBytes: consumedBytes,
      ...(macro && { macro }),
    });
}
