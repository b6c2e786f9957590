import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { libarchiveWasm } from 'libarchive-wasm';

/** What is used of the standard's WebAssembly, which Node has and its types leave to those of the browser. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow: (pages: number) => number;
}
type WasmImports = Record<string, Record<string, (...values: number[]) => unknown>>;
interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => WasmInstance;
  readonly Memory: abstract new () => WasmMemory;
};

/** What of libarchive's C interface is called. Numbers are pointers into its memory, or its status codes. */
export interface LibarchiveModule {
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(pointer: number): void;
  _archive_read_new_memory(pointer: number, sizeBytes: number, passphrase: number): number;
  _archive_read_next_entry(archive: number): number;
  _archive_read_data(archive: number, target: number, sizeBytes: number): number;
  _archive_read_has_encrypted_entries(archive: number): number;
  _archive_error_string(archive: number): number;
  _archive_read_free(archive: number): number;
  _archive_entry_filetype(entry: number): number;
  _archive_entry_size(entry: number): bigint | number;
  _archive_entry_pathname_utf8(entry: number): number;
  _archive_entry_is_encrypted(entry: number): number;
}

/** Inputs and dictionaries lie in its memory. Beyond this it gets no more, which is an error like any other. */
const MEMORY_MAX_BYTES = 512 * 1024 * 1024;
/** WebAssembly memory never shrinks: an instance that grew beyond this is replaced. */
const MEMORY_KEPT_BYTES = 96 * 1024 * 1024;
const PAGE_BYTES = 65536;
/** The function of Emscripten's runtime that malloc calls when it has no more; it returns false then. */
const RESIZE_HEAP = '_emscripten_resize_heap';
/** A trap leaves a part of the C stack taken, which only a new instance gives back: until then so many are borne. */
const TRAPS_MAX = 4;
const LEAKS_MAX = 64;

/** Counted while the C code runs, and read behind it. */
interface RefusalCount {
  count: number;
}

/** One instance of libarchive. Everything in it may be called at any time, and any call may trap. */
export interface LibarchiveInstance {
  readonly module: LibarchiveModule;
  /** Counts the traps: what was opened under another number is gone. */
  generation: number;
  /** Archives that are open. */
  readers: number;
  /** Archives that failed to open, of each of which libarchive keeps a piece of memory. */
  leaks: number;
  /** How often it wanted more memory than it gets. */
  readonly refusals: RefusalCount;
  /** The memory when it was new, up to the last byte that is not zero. */
  readonly pristine: Uint8Array;
}

const require = createRequire(import.meta.url);
const compiled = new WebAssembly.Module(
  readFileSync(require.resolve('libarchive-wasm/dist/libarchive.wasm')),
);

// Awaited here, so that whoever imports this can call it synchronously from then on.
let current = await instantiate();
let isReplacing = false;

/** The instance of this thread, or undefined after too many traps in one scan. */
export function libarchiveInstance(): LibarchiveInstance | undefined {
  return current.generation > TRAPS_MAX ? undefined : current;
}

/** After a trap: nothing in the memory can be trusted, so all of it is made new. */
export function recoverFromTrap(instance: LibarchiveInstance): void {
  instance.generation += 1;
  makeNew(instance);
  replaceLater();
}

/** Before use: takes back what failed openings left behind. */
export function collectLeaks(instance: LibarchiveInstance): void {
  if (instance.readers === 0 && instance.leaks >= LEAKS_MAX) makeNew(instance);
}

function makeNew(instance: LibarchiveInstance): void {
  instance.readers = 0;
  instance.leaks = 0;
  instance.module.HEAPU8.fill(0);
  instance.module.HEAPU8.set(instance.pristine);
}

/** After use: has an instance that holds much memory replaced once this thread is back in its event loop. */
export function giveBackMemory(instance: LibarchiveInstance): void {
  if (instance.module.HEAPU8.length > MEMORY_KEPT_BYTES) replaceLater();
}

function replaceLater(): void {
  if (isReplacing) return;
  isReplacing = true;
  const replace = async (): Promise<void> => {
    try {
      // Not before the scan under way is over: it runs to its end within one turn of the loop.
      await Promise.resolve();
      current = await instantiate();
    } finally {
      isReplacing = false;
    }
  };
  // Out of memory for a new one, the old one goes on.
  replace().catch(() => undefined);
}

async function instantiate(): Promise<LibarchiveInstance> {
  const refusals: RefusalCount = { count: 0 };
  const made = await libarchiveWasm({
    instantiateWasm: (imports: WasmImports, receive: (instance: WasmInstance, module: object) => void) => {
      countRefusals(imports, refusals);
      const instance = new WebAssembly.Instance(compiled, imports);
      limitMemory(instance);
      receive(instance, compiled);
      return {};
    },
  });
  // The package's types refer to one of the module that is not there.
  const libarchive = made.module as unknown as LibarchiveModule;
  const memory = libarchive.HEAPU8;
  let end = memory.length;
  while (end > 0 && memory[end - 1] === 0) end -= 1;
  const pristine = memory.slice(0, end);
  return { module: libarchive, generation: 0, readers: 0, leaks: 0, refusals, pristine };
}

/** libarchive does not always tell why it failed: an archive that cannot be opened has nothing to ask. */
function countRefusals(imports: WasmImports, refusals: RefusalCount): void {
  for (const functions of Object.values(imports))
    for (const [name, imported] of Object.entries(functions)) {
      if (imported.name !== RESIZE_HEAP) continue;
      functions[name] = (sizeBytes: number): unknown => {
        const isGrown = imported(sizeBytes);
        if (isGrown !== true) refusals.count += 1;
        return isGrown;
      };
    }
}

/** Emscripten's runtime takes an exception of `grow` for "no memory", and malloc then returns NULL. */
function limitMemory(instance: WasmInstance): void {
  for (const memory of Object.values(instance.exports)) {
    if (!(memory instanceof WebAssembly.Memory)) continue;
    const grow = memory.grow.bind(memory);
    memory.grow = (pages) => {
      if (memory.buffer.byteLength + pages * PAGE_BYTES > MEMORY_MAX_BYTES)
        throw new RangeError('no memory beyond the limit');
      return grow(pages);
    };
  }
}
