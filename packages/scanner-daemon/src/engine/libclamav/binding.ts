import koffi from 'koffi';
import { ENGINE_FIELDS, engineFields } from './engine-fields.js';
import type { LibclamavSettings } from './engine-settings.js';

/** The sonames whose calls we know: ClamAV 0.103 to 0.105, 1.0 to 1.3, 1.4 and later; the newest first. */
const SONAMES = [12, 11, 9].map((version) => `libclamav.so.${version}`);

/**
 * libclamav recurses into what it unpacks. koffi runs every call on a stack of its own: 2 MiB for a call that waits,
 * 128 KiB for one that does not, which a packed PE overflows (kernel-facts.md). The memory is touched as it is needed.
 */
const STACK_BYTES = 8 * 1024 * 1024;

/** `cl_error_t` as far as it decides something here; the others are told by cl_strerror. */
export const CL_CLEAN = 0;
export const CL_VIRUS = 1;
export const CL_ETIMEOUT = 21;
/** The engine holds the file for trusted. */
export const CL_VERIFIED = 33;

/** Why there is no libclamav. */
export class LibraryError extends Error {
  override readonly name = 'LibraryError';
}

/** A call of libclamav that did not come to anything; the message is cl_strerror(3)'s text. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

/** What libclamav says of itself. */
export interface LibraryFacts {
  /** What it was loaded by: a path, or a soname for the loader to find. */
  readonly name: string;
  /** `1.4.6` */
  readonly version: string;
  readonly functionalityLevel: number;
}

export type MessageSeverity = 'debug' | 'info' | 'warning' | 'error';

/** Done and to be done, in units of libclamav's own. */
export type OnProgress = (total: number, done: number) => void;

/** An engine as it is built: load, compile, serve, free. */
export interface BuiltEngine {
  /** For {@link ScanCalls.scan}, in any thread of the process. */
  readonly address: bigint;
  /** cl_load(3): a directory or a file. @returns the signatures that it added. @throws CallError */
  load(path: string, databaseOptions: number): Promise<number>;
  /** cl_engine_compile(3). @throws CallError */
  compile(): Promise<void>;
  /** Of the daily container; 0 where there is none. */
  databaseVersion(): { readonly version: number; readonly builtAtSeconds: number };
  /** cl_engine_free(3). Nobody may scan with it any more. */
  free(): Promise<void>;
}

/** What an engine tells while it is built and while it scans. The callbacks run on the thread that built it. */
export interface EngineListeners {
  readonly onLoading: OnProgress;
  readonly onCompiling: OnProgress;
  /** Each signature of a scan that looks for all of them. The scan waits until it returns. @param context the scan's own. */
  readonly onVirusFound: (context: number, name: string) => void;
}

/** Whether the files of a directory have changed since it was looked at: cl_statinidir(3). */
export interface WatchedDirectory {
  /** cl_statchkdir(3). @throws CallError when the directory cannot be read. */
  hasChanged(): boolean;
  close(): void;
}

/** The library as the thread that builds engines sees it. */
export interface Libclamav {
  readonly facts: LibraryFacts;
  /** Where libclamav's messages go from now on, whichever thread they come from; once a process. */
  onMessage(listener: (severity: MessageSeverity, text: string) => void): void;
  /** cl_debug(3): everything that libclamav does is told, on standard error. */
  debug(): void;
  /** @throws CallError for settings that it refuses. */
  newEngine(settings: LibclamavSettings, temporaryDirectory: string, listeners: EngineListeners): BuiltEngine;
  /** @throws CallError */
  watchDirectory(path: string): WatchedDirectory;
}

/** One scan's outcome. */
export interface ScanResult {
  /** A `cl_error_t`. */
  readonly code: number;
  /** Where the code is {@link CL_VIRUS}. */
  readonly signatureName: string | undefined;
}

/** The five words of `struct cl_scan_options`. */
export type ScanOptionWords = LibclamavSettings['scanOptions'];

/** The library as a thread that scans sees it. */
export interface ScanCalls {
  /** cl_scandesc_callback(3); it waits. The descriptor's offset is not used. @param name the file's path and a NUL, where it has one. */
  scan(fd: number, name: Uint8Array | null, scan: ScanRequestOptions): ScanResult;
  /** cl_strerror(3). */
  readonly errorText: (code: number) => string;
}

export interface ScanRequestOptions {
  readonly engine: bigint;
  readonly options: ScanOptionWords;
  /** Comes back in {@link EngineListeners.onVirusFound}; above 0. */
  readonly context: number;
}

/**
 * Loads libclamav for building engines. Before any other use of koffi in this thread: its stacks are fixed by its first call.
 *
 * @param path of the library; undefined: the newest that the loader finds.
 * @throws LibraryError
 */
export function openLibclamav(path: string | undefined): Libclamav {
  const lib = openLibrary(path);
  // koffi types functions as (...args: any[]) => any; these are the places that say what they are.
  const init = lib.func('int cl_init(unsigned int)') as (options: number) => number;
  const errorText = lib.func('const char *cl_strerror(int)') as (code: number) => string;
  const initialised = init(0);
  if (initialised !== 0) throw new LibraryError(`cl_init: ${errorText(initialised)}`);
  const facts: LibraryFacts = {
    name: lib.name,
    version: (lib.func('const char *cl_retver()') as () => string)(),
    functionalityLevel: (lib.func('unsigned int cl_retflevel()') as () => number)(),
  };
  return {
    facts,
    onMessage(listener) {
      onMessage(lib, listener);
    },
    debug: lib.func('void cl_debug()') as () => void,
    newEngine: createEngineMaker(lib, errorText),
    watchDirectory: createDirectoryWatcher(lib, errorText),
  };
}

/**
 * The calls of a thread that scans, where another thread of the process has opened the library. Before any other use of
 * koffi in this thread. @throws LibraryError
 */
export function openScanCalls(path: string): ScanCalls {
  const lib = openLibrary(path);
  const scandesc = lib.func(
    'int cl_scandesc_callback(int, void *, void *, void *, void *, void *, void *)',
  ) as (...args: unknown[]) => number;
  const name = Buffer.alloc(8);
  const optionWords = Buffer.alloc(20);
  return {
    scan(fd, fileName, { engine, options, context }) {
      const { general, parse, heuristic, mail, dev } = options;
      for (const [at, word] of [general, parse, heuristic, mail, dev].entries()) {
        optionWords.writeUInt32LE(word, at * 4);
      }
      name.fill(0);
      const code = scandesc(fd, fileName, name, null, engine, optionWords, BigInt(context));
      return { code, signatureName: code === CL_VIRUS ? textAt(name.readBigUInt64LE(0)) : undefined };
    },
    errorText: lib.func('const char *cl_strerror(int)') as (code: number) => string,
  };
}

/** As much of koffi's library as is used. */
interface Library {
  /** What it was found under. */
  readonly name: string;
  func(definition: string): unknown;
  func(name: string, result: string, parameters: unknown[]): unknown;
}

function openLibrary(path: string | undefined): Library {
  koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
  let reason = '';
  for (const name of path === undefined ? SONAMES : [path]) {
    try {
      const lib = koffi.load(name);
      // A library that is another one says so here, and not in the middle of a scan.
      lib.func('const char *cl_retver()');
      return {
        name,
        func: (...definition: unknown[]): unknown =>
          (lib.func as (...args: unknown[]) => unknown).apply(lib, definition),
      };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  throw new LibraryError(
    path === undefined ? `none of ${SONAMES.join(', ')} is installed` : `${path}: ${reason}`,
  );
}

/** A C string that somebody else owns; signature names are ASCII. */
function textAt(address: bigint): string {
  return address === 0n ? '' : String(koffi.decode(address, 'char', -1));
}

/** `enum cl_msg`: 32 = information, 64 = warning, 128 = error. */
const SEVERITIES: ReadonlyMap<number, MessageSeverity> = new Map([
  [32, 'info'],
  [64, 'warning'],
  [128, 'error'],
]);

function onMessage(lib: Library, listener: (severity: MessageSeverity, text: string) => void): void {
  const type = koffi.pointer(koffi.proto('void', ['int', 'const char *', 'const char *', 'void *']));
  const callback = koffi.register((severity: number, _full: string, text: string) => {
    listener(SEVERITIES.get(severity) ?? 'info', text.trimEnd());
  }, type);
  (lib.func('cl_set_clcb_msg', 'void', [type]) as (callback: unknown) => void)(callback);
}

/** A call that takes long, on a thread of libuv's pool. */
function callInBackground(call: unknown, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    (call as { async: (...args: unknown[]) => void }).async(...args, (error: unknown, result: number) => {
      if (error === null || error === undefined) resolve(result);
      else reject(error instanceof Error ? error : new Error('koffi: the call failed'));
    });
  });
}

function createEngineMaker(lib: Library, errorText: (code: number) => string): Libclamav['newEngine'] {
  const make = lib.func('void *cl_engine_new()') as () => unknown;
  const setNumber = lib.func('int cl_engine_set_num(void *, int, int64_t)') as (...args: unknown[]) => number;
  const setText = lib.func('int cl_engine_set_str(void *, int, const char *)') as (
    ...args: unknown[]
  ) => number;
  const getNumber = lib.func('int64_t cl_engine_get_num(void *, int, void *)') as (
    ...args: unknown[]
  ) => number;
  const load = lib.func('int cl_load(const char *, void *, _Out_ unsigned int *, unsigned int)');
  const compile = lib.func('int cl_engine_compile(void *)');
  const free = lib.func('int cl_engine_free(void *)');
  const listen = createListenerRegistry(lib);
  const check = (code: number, what?: string): void => {
    if (code !== 0) throw new CallError(what === undefined ? errorText(code) : `${what}: ${errorText(code)}`);
  };

  return (settings, temporaryDirectory, listeners) => {
    const engine = make();
    if (engine === null) throw new CallError('cl_engine_new');
    const fields = engineFields(getNumber(engine, ENGINE_FIELDS.cacheSize, null) > 0);
    const stopListening = listen(engine, listeners);
    const release = async (): Promise<void> => {
      await callInBackground(free, engine);
      stopListening();
    };
    try {
      for (const { field, value, option } of settings.numbers) {
        const number = fields[field];
        if (number !== undefined) check(setNumber(engine, number, value), option);
      }
      for (const { field, value, option } of settings.strings) {
        const number = fields[field];
        if (number !== undefined) check(setText(engine, number, value), option);
      }
      check(setText(engine, fields.temporaryDirectory ?? 0, temporaryDirectory), 'TemporaryDirectory');
    } catch (error) {
      void release();
      throw error;
    }
    return {
      address: koffi.address(engine),
      async load(path, databaseOptions) {
        const count = [0];
        check(await callInBackground(load, path, engine, count, databaseOptions));
        return count[0] ?? 0;
      },
      async compile() {
        check(await callInBackground(compile, engine));
      },
      databaseVersion: () => ({
        version: getNumber(engine, fields.databaseVersion ?? 0, null),
        builtAtSeconds: getNumber(engine, fields.databaseTime ?? 0, null),
      }),
      free: release,
    };
  };
}

/** @returns what has an engine tell, and stops that when the engine is gone. */
function createListenerRegistry(lib: Library): (engine: unknown, listeners: EngineListeners) => () => void {
  const progressType = koffi.pointer(koffi.proto('int', ['size_t', 'size_t', 'void *']));
  const foundType = koffi.pointer(koffi.proto('void', ['int', 'const char *', 'void *']));
  const bind = (name: string, parameters: unknown[]): ((...args: unknown[]) => void) | undefined => {
    try {
      return lib.func(name, 'void', parameters) as (...args: unknown[]) => void;
    } catch {
      return undefined; // Progress is told from 0.104 on.
    }
  };
  const onLoading = bind('cl_engine_set_clcb_sigload_progress', ['void *', progressType, 'void *']);
  const onCompiling = bind('cl_engine_set_clcb_engine_compile_progress', ['void *', progressType, 'void *']);
  const onFound = bind('cl_engine_set_clcb_virus_found', ['void *', foundType]);

  return (engine, listeners) => {
    const registered: bigint[] = [];
    const register = (callback: (...args: never[]) => unknown, type: unknown): bigint => {
      const pointer = koffi.register(callback, type as string);
      registered.push(pointer);
      return pointer;
    };
    const progress =
      (tell: OnProgress) =>
      (total: number, done: number): number => {
        tell(total, done);
        return 0;
      };
    onLoading?.(engine, register(progress(listeners.onLoading), progressType), null);
    onCompiling?.(engine, register(progress(listeners.onCompiling), progressType), null);
    const found = (_fd: number, name: string, context: unknown): void => {
      if (context !== null) listeners.onVirusFound(Number(koffi.address(context)), name);
    };
    onFound?.(engine, register(found, foundType));
    return () => {
      for (const callback of registered) koffi.unregister(callback);
    };
  };
}

/** `struct cl_stat`: three pointers and a count. */
const STAT_BYTES = 32;

function createDirectoryWatcher(
  lib: Library,
  errorText: (code: number) => string,
): Libclamav['watchDirectory'] {
  const initialise = lib.func('int cl_statinidir(const char *, void *)') as (...args: unknown[]) => number;
  const compare = lib.func('int cl_statchkdir(void *)') as (...args: unknown[]) => number;
  const free = lib.func('int cl_statfree(void *)') as (...args: unknown[]) => number;
  return (path) => {
    const state = Buffer.alloc(STAT_BYTES);
    const code = initialise(path, state);
    if (code !== 0) throw new CallError(errorText(code));
    return {
      hasChanged() {
        const answer = compare(state);
        if (answer === 0 || answer === 1) return answer === 1;
        throw new CallError(errorText(answer));
      },
      close() {
        free(state);
      },
    };
  };
}
