import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LibraryFacts } from '../engine/libclamav/binding.js';
import type { FromHost, HostDatabase, HostOptions } from '../libclamav-host/control-messages.js';
import type { HostConnection, StartHost } from './host-connection.js';

/** A host that says nothing for so long after its start is none. */
const OPEN_MAX_MS = 30_000;
/** The answer to what is asked while there is none. */
export const BEING_STARTED = 'libclamav is being started again';

export interface HostLifeOptions {
  readonly start: StartHost;
  readonly lanes: number;
  readonly host: Omit<HostOptions, 'laneFds' | 'temporaryDirectory' | 'leaveTemporaryFiles'>;
  /** TemporaryDirectory. */
  readonly temporaryDirectory: string;
  /** LeaveTemporaryFiles. */
  readonly leaveTemporaryFiles: boolean;
  readonly onMessage: (message: Extract<FromHost, { kind: 'message' | 'progress' }>) => void;
  readonly onOutput: (line: string) => void;
  /** It has ended: called once, last, and also where it was told to. */
  readonly onGone: (how: string) => void;
}

export type Opened =
  | { readonly kind: 'opened'; readonly library: LibraryFacts }
  | { readonly kind: 'refused'; readonly reason: string };

export type Loaded =
  | { readonly kind: 'loaded'; readonly database: HostDatabase }
  | { readonly kind: 'loadFailed'; readonly text: string; readonly path?: string | undefined };

/** One life of a host, from its start to its end: what is asked of it is answered, by its end if by nothing else. */
export class HostLife {
  readonly #options: HostLifeOptions;
  readonly #connection: HostConnection;
  readonly #directory: string;
  readonly #loads = new Map<number, (loaded: Loaded) => void>();
  readonly #looks = new Map<number, (answer: { hasChanged: boolean } | { failure: string }) => void>();
  #settleOpening: ((opened: Opened) => void) | undefined;
  #lastLook = 0;
  /** It was killed, or is gone: nothing is asked of it any more. */
  #isOver = false;

  /** @throws the system's error when there are no sockets, or no directory, for it. */
  constructor(options: HostLifeOptions) {
    this.#options = options;
    // What a killed libclamav leaves behind goes with the directory.
    this.#directory = options.leaveTemporaryFiles
      ? options.temporaryDirectory
      : mkdtempSync(join(options.temporaryDirectory, 'portcullis-libclamav-'));
    try {
      this.#connection = options.start(options.lanes, {
        onMessage: (message) => {
          this.#receive(message);
        },
        onOutput: options.onOutput,
        onGone: (how) => {
          this.#end(how);
        },
      });
    } catch (error) {
      this.#removeDirectory();
      throw error;
    }
  }

  /** Our ends of the scan threads' sockets; whoever takes them closes them. */
  get laneFds(): readonly number[] {
    return this.#connection.laneFds;
  }

  get pid(): number | undefined {
    return this.#connection.pid;
  }

  open(): Promise<Opened> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve({ kind: 'refused', reason: `no answer within ${OPEN_MAX_MS / 1000} s` });
        this.kill();
      }, OPEN_MAX_MS);
      this.#settleOpening = (opened) => {
        clearTimeout(timer);
        resolve(opened);
      };
      const { host } = this.#options;
      this.#connection.send({
        kind: 'open',
        options: {
          ...host,
          laneFds: this.#connection.hostLaneFds,
          temporaryDirectory: this.#directory,
          leaveTemporaryFiles: this.#options.leaveTemporaryFiles,
        },
      });
    });
  }

  /** @param signal gives the load up: it is answered, and what comes of it later is let go of. */
  load(generation: number, paths: readonly string[], signal: AbortSignal): Promise<Loaded> {
    return new Promise((resolve) => {
      const settle = (loaded: Loaded): void => {
        this.#loads.delete(generation);
        signal.removeEventListener('abort', giveUp);
        resolve(loaded);
      };
      const giveUp = (): void => {
        settle({ kind: 'loadFailed', text: 'the load was given up' });
      };
      if (this.#isOver) {
        settle({ kind: 'loadFailed', text: BEING_STARTED });
        return;
      }
      if (signal.aborted) {
        giveUp();
        return;
      }
      signal.addEventListener('abort', giveUp, { once: true });
      this.#loads.set(generation, settle);
      this.#connection.send({ kind: 'load', generation, paths });
    });
  }

  release(generation: number): void {
    this.#connection.send({ kind: 'release', generation });
  }

  /** Rejects when it cannot be told. */
  look(generation: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        reject(new Error(BEING_STARTED));
        return;
      }
      const id = (this.#lastLook += 1);
      this.#looks.set(id, (answer) => {
        this.#looks.delete(id);
        if ('failure' in answer) reject(new Error(answer.failure));
        else resolve(answer.hasChanged);
      });
      this.#connection.send({ kind: 'look', id, generation });
    });
  }

  /** At once, whatever it does, and what was asked of it is answered now. `onGone` follows, where nothing holds it up. */
  kill(): void {
    this.#answerAll('was ended');
    this.#connection.kill();
  }

  #receive(message: FromHost): void {
    switch (message.kind) {
      case 'opened':
      case 'refused':
        this.#settleOpening?.(message);
        this.#settleOpening = undefined;
        return;
      case 'loaded': {
        const settle = this.#loads.get(message.database.generation);
        if (settle === undefined) this.release(message.database.generation);
        else settle(message);
        return;
      }
      case 'loadFailed':
        this.#loads.get(message.generation)?.(message);
        return;
      case 'looked': {
        const { id, hasChanged, failure } = message;
        this.#looks.get(id)?.(failure === undefined ? { hasChanged } : { failure });
        return;
      }
      case 'progress':
      case 'message':
        this.#options.onMessage(message);
    }
  }

  #end(how: string): void {
    this.#removeDirectory();
    this.#answerAll(how);
    this.#options.onGone(how);
  }

  #answerAll(how: string): void {
    this.#isOver = true;
    this.#settleOpening?.({ kind: 'refused', reason: how });
    this.#settleOpening = undefined;
    const text = `the libclamav process ${how}`;
    for (const settle of [...this.#loads.values()]) settle({ kind: 'loadFailed', text });
    for (const settle of [...this.#looks.values()]) settle({ failure: text });
  }

  #removeDirectory(): void {
    if (this.#options.leaveTemporaryFiles) return;
    try {
      rmSync(this.#directory, { recursive: true, force: true });
    } catch {
      // What is left takes room, and nobody waits for it.
    }
  }
}
