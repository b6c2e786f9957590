import type { DecodeLimits } from '../codecs/decoded.js';
import { readStructure } from '../input-range.js';
import { streamInput, type CompoundFile, type CompoundStream } from './compound-file.js';
import { decompressVba } from './vba-compression.js';
import { listedModules } from './vba-module-list.js';
import { composeProjectText, type ProjectSources, type ProjectText } from './vba-project-text.js';

const MODULE_LIST_NAME = '_vba_project';
const DIRECTORY_NAME = 'dir';
/** A list of 65,535 modules, the most that it can count, is longer; of a real project it is some kilobytes. */
const MODULE_LIST_MAX_BYTES = 4 * 1024 * 1024;
const MODULE_STREAM_MAX_BYTES = 64 * 1024 * 1024;
/** The text of a project, which is in memory several times while it is made. No project comes near. */
const TEXT_MAX_BYTES = 32 * 1024 * 1024;
/** Modules lie in streams of their own: a directory that has a file read again and again is after our time. */
const READ_TIMES_MAX = 4;
/** Projects of one file: a document has one, and one for each document that is embedded in it. */
const PROJECTS_MAX = 256;

/** The VBA projects of a compound file. */
export interface VbaProjects {
  /** Where the source in a module's stream begins, by the `_VBA_PROJECT` stream of its storage. */
  sourceOffsetOf(stream: CompoundStream): number | undefined;
  /** Each project as one text. */
  texts(limitsNow: () => DecodeLimits): Iterable<ProjectText>;
}

/** Reads the lists of modules of all VBA projects in a compound file. */
export function readVbaProjects(file: CompoundFile, mayContinue: () => boolean): VbaProjects {
  const lists = new Map<number, ReadonlyMap<string, number>>();
  for (const stream of file.streams) {
    const { storage } = stream;
    if (storage === undefined || lists.has(storage) || keyOf(stream.name) !== MODULE_LIST_NAME) continue;
    if (lists.size >= PROJECTS_MAX || !mayContinue()) break;
    const modules = listedModules(bytesOf(file, stream, MODULE_LIST_MAX_BYTES));
    lists.set(storage, new Map(modules.map(({ name, sourceOffset }) => [keyOf(name), sourceOffset])));
  }
  return {
    sourceOffsetOf: ({ storage, name }) =>
      storage === undefined ? undefined : lists.get(storage)?.get(keyOf(name)),
    texts: (limitsNow) => (lists.size > 0 ? projectTexts(file, () => textLimits(limitsNow())) : []),
  };
}

function textLimits(limits: DecodeLimits): DecodeLimits {
  return { ...limits, limitBytes: Math.min(limits.limitBytes, TEXT_MAX_BYTES) };
}

/** clamscan 1.4.6 looks for `dir` streams once there is a `_VBA_PROJECT` stream, in whatever storage (observed). */
function* projectTexts(file: CompoundFile, limitsNow: () => DecodeLimits): Generator<ProjectText> {
  const storages = new Set<number>();
  for (const stream of file.streams) {
    const { storage } = stream;
    if (storage === undefined || storages.has(storage) || keyOf(stream.name) !== DIRECTORY_NAME) continue;
    if (storages.size >= PROJECTS_MAX || !limitsNow().mayContinue()) return;
    storages.add(storage);
    const dir = decompressVba(bytesOf(file, stream, MODULE_STREAM_MAX_BYTES), limitsNow());
    if (dir.bytes.length === 0) continue;
    yield composeProjectText(Buffer.from(dir.bytes), sourcesIn(file, storage, limitsNow));
  }
}

function sourcesIn(file: CompoundFile, storage: number, limitsNow: () => DecodeLimits): ProjectSources {
  const streams = streamsIn(file, storage);
  let leftBytes = READ_TIMES_MAX * file.input.sizeBytes;
  return {
    limitBytes: limitsNow().limitBytes,
    mayContinue: () => leftBytes > 0 && limitsNow().mayContinue(),
    sourceOf: (name, offset) => {
      const module = streams.get(keyOf(name));
      if (module === undefined) return undefined;
      const bytes = bytesOf(file, module, MODULE_STREAM_MAX_BYTES);
      leftBytes -= bytes.length;
      return offset < bytes.length ? decompressVba(bytes.subarray(offset), limitsNow()).bytes : undefined;
    },
  };
}

function streamsIn(file: CompoundFile, storage: number): ReadonlyMap<string, CompoundStream> {
  const members = file.streams.filter((stream) => stream.storage === storage);
  return new Map(members.map((stream) => [keyOf(stream.name), stream]));
}

function bytesOf(file: CompoundFile, stream: CompoundStream, maxBytes: number): Buffer {
  const content = streamInput(file, stream);
  return readStructure(content, 0, Math.min(content.sizeBytes, maxBytes)) ?? Buffer.alloc(0);
}

/** Names of streams are the same in upper and lower case ([MS-CFB], 2.6.4). */
function keyOf(name: Buffer): string {
  return name.toString('utf16le').toLowerCase();
}
