import { decodePath, emptyFileStatus, encodePath } from '@portcullis/shared/native';
import { keyOf, sameKey } from '../gate/file-key.js';
import type { FileKey } from '../gate/file-key.js';
import type {
  BackgroundCounts,
  BackgroundDetection,
  BackgroundIssue,
  BackgroundScannerOptions,
  DaemonWord,
} from './background-contract.js';
import { DaemonLink } from './daemon-link.js';
import type { FileObserver, FileOutcome } from './file-observer.js';
import type { ScanTicket } from './link-contract.js';
import { closeQuietly, openForScan } from './open-for-scan.js';
import type { NotScanned, OpenedForScan } from './open-for-scan.js';
import { ScanBacklog } from './scan-backlog.js';
import { walkFiles } from './walk-files.js';
import type { WalkedFile } from './walk-files.js';

export type { BackgroundCounts, BackgroundDetection, BackgroundIssue, BackgroundScannerOptions, DaemonWord };

/** Few, since nobody waits for them: opens come first, at the daemon and in libuv's pool of 4 threads. */
const SCANS_IN_FLIGHT_MAX = 2;
const FILES_WAITING_MAX = 10_000;
const TREES_WAITING_MAX = 1_000;
const DIRECTORIES_WAITING_MAX = 100_000;
/** A scan may take the daemon as long as MaxScanTime, by default 2 minutes. */
const SILENCE_MAX_MS = 180_000;
const TICK_MS = 100;
const TRIES_MAX = 3;
/** A lane that hangs in a filesystem is not waited for at the end. */
const STOP_MAX_MS = 1_000;

const NOT_CLEAN: FileOutcome = { kind: 'notClean' };
const ISSUES = { incomplete: 'incomplete', failed: 'scanFailed', lost: 'daemonDown' } as const;

interface Job {
  readonly path: Buffer;
  readonly triesLeft: number;
  /** Where it was found: anything else that lies there by then is not scanned in its stead. */
  readonly found?: FileKey;
}

type End =
  | { readonly kind: 'clean' | 'tooLarge' | 'incomplete' | 'failed' | 'lost' }
  | { readonly kind: 'infected'; readonly signatureName: string };

/** An open file on its way to the daemon and back. Its fd stays open all the while. */
class BackgroundTicket implements ScanTicket {
  readonly #fd: number;
  readonly end: (end: End) => void;

  constructor(fd: number, end: (end: End) => void) {
    this.#fd = fd;
    this.end = end;
  }

  borrowFd(): number {
    return this.#fd;
  }

  returnFd(): void {
    // Lent for as long as the ticket lives.
  }
}

/**
 * OnAccessExtraScanning: scans what was created or moved in, and what lies inside a new directory, while nobody waits for it
 * (behaviour 4.7). It can block nothing; it tells. While the daemon is away the work waits, within bounds.
 *
 * Main thread: our own opens are let through by the gates. Where files are sent as streams they are read here, so a cold disk
 * holds up the main thread, though no gate.
 */
export class BackgroundScanner {
  readonly #options: BackgroundScannerOptions;
  readonly #link: DaemonLink<BackgroundTicket>;
  readonly #files = new ScanBacklog<Job>();
  readonly #trees: Buffer[] = [];
  readonly #lanes = new Set<Promise<void>>();
  readonly #counts: BackgroundCounts = {
    scanned: 0,
    infected: 0,
    skipped: 0,
    tooLarge: 0,
    failed: 0,
    dropped: 0,
  };
  readonly #status = emptyFileStatus();
  #observer: FileObserver | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #driver: Promise<void> | undefined;
  /** The driver waits for work. */
  #isResting = true;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(options: BackgroundScannerOptions) {
    this.#options = options;
    this.#link = new DaemonLink(
      options.native,
      {
        ...options.link,
        windowScans: SCANS_IN_FLIGHT_MAX,
        silenceMaxMs: SILENCE_MAX_MS,
        spinMaxMs: 0,
      },
      {
        onVerdict: (ticket, verdict) => {
          if (verdict.kind === 'infected')
            ticket.end({ kind: 'infected', signatureName: verdict.signatureNames[0] });
          else ticket.end(verdict);
        },
        onTooLarge: (ticket) => {
          ticket.end({ kind: 'tooLarge' });
        },
        onLost: (ticket) => {
          ticket.end({ kind: 'lost' });
        },
        onUp: (pid) => {
          options.onDaemon?.({ kind: 'daemonUp', pid });
          this.#wake();
        },
        onDown: (reason) => {
          options.onDaemon?.({ kind: 'daemonDown', reason });
        },
        onDatabaseChanged: () => {
          options.onDaemon?.({ kind: 'databaseChanged' });
        },
      },
    );
  }

  /** Tells one more party; to be called once, before there is work. */
  observe(observer: FileObserver): void {
    this.#observer = observer;
  }

  /** Scans this file some time. */
  submit(path: string): void {
    if (!this.#hasRoom(this.#files, FILES_WAITING_MAX, path)) {
      this.#observer?.onEnd(path, NOT_CLEAN);
      return;
    }
    this.#files.push({ path: encodePath(path), triesLeft: TRIES_MAX });
    this.#goOn();
  }

  /** Scans all files below this directory some time. */
  submitTree(directory: string): void {
    const path = encodePath(directory);
    // A directory inside one that has not been begun is seen there.
    if (this.#trees.some((tree) => isWithin(path, tree))) return;
    if (!this.#hasRoom(this.#trees, TREES_WAITING_MAX, directory)) return;
    this.#trees.push(path);
    this.#goOn();
  }

  counts(): Readonly<BackgroundCounts> {
    return { ...this.#counts };
  }

  /** Nothing is left to do. */
  get isIdle(): boolean {
    return this.#isResting && this.#files.length + this.#trees.length + this.#lanes.size === 0;
  }

  /** Gives up what waits and closes everything. A second time does nothing. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#files.takeAll();
    this.#trees.length = 0;
    clearInterval(this.#ticker);
    this.#link.close();
    this.#wake();
    const ended = Promise.all([this.#driver, ...this.#lanes]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MAX_MS);
    });
    await Promise.race([ended, late]);
    clearTimeout(timer);
  }

  #hasRoom(queue: { readonly length: number }, lengthMax: number, path: string): boolean {
    if (this.#stopped) return false;
    if (queue.length < lengthMax) return true;
    this.#counts.dropped += 1;
    this.#options.onIssue(path, 'dropped');
    return false;
  }

  /** Connects, with or without work. */
  start(): void {
    if (!this.#stopped) this.#goOn();
  }

  /** With the first work everything starts: who never has any does not occupy a connection of the daemon's. */
  #goOn(): void {
    if (this.#driver === undefined) {
      const tick = (): void => {
        this.#link.tick(this.#options.link.nowMs());
      };
      this.#ticker = setInterval(tick, TICK_MS);
      this.#ticker.unref();
      this.#driver = this.#drive();
      tick();
    }
    this.#wake();
  }

  /** Single files first, since they were told one by one; then one tree after the other. */
  async #drive(): Promise<void> {
    this.#isResting = false;
    while (!this.#isOver()) {
      await this.#scanWaitingFiles();
      const tree = this.#trees.shift();
      if (tree === undefined) {
        this.#isResting = true;
        await this.#until(() => this.#files.length + this.#trees.length > 0);
        this.#isResting = false;
        continue;
      }
      for await (const { path, throughDirectory } of this.#walk(tree)) {
        await this.#begin({ path, triesLeft: TRIES_MAX }, throughDirectory);
        await this.#scanWaitingFiles();
        if (this.#isOver()) break;
      }
    }
  }

  #walk(tree: Buffer): AsyncGenerator<WalkedFile> {
    return walkFiles(tree, {
      isExcluded: this.#options.isExcluded ?? (() => false),
      directoriesMax: DIRECTORIES_WAITING_MAX,
      onUnread: (directory) => {
        this.#counts.failed += 1;
        this.#options.onIssue(directory, 'unreadable');
      },
    });
  }

  async #scanWaitingFiles(): Promise<void> {
    for (let job = this.#files.take(); job !== undefined; job = this.#files.take()) await this.#begin(job);
  }

  /**
   * Waits for the daemon and for a free lane, not for the scan.
   *
   * @param throughDirectory - good until this is over
   */
  async #begin(job: Job, throughDirectory?: Buffer): Promise<void> {
    await this.#until(() => this.#link.isUp && this.#lanes.size < SCANS_IN_FLIGHT_MAX);
    if (this.#stopped) return;
    this.#observer?.onBegin(decodePath(job.path));
    const opening = openForScan(throughDirectory ?? job.path, this.#options.fileMaxBytes);
    const lane = this.#scan(job, opening, throughDirectory !== undefined).finally(() => {
      this.#lanes.delete(lane);
      this.#wake();
    });
    this.#lanes.add(lane);
    if (throughDirectory !== undefined) await opening;
  }

  /** Never rejects. */
  async #scan(job: Job, opening: Promise<OpenedForScan>, isWalked: boolean): Promise<void> {
    const opened = await opening;
    if (opened.kind === 'notScanned') {
      this.#noteSkip(job, opened.why);
      return;
    }
    const { fd } = opened;
    const before = this.#keyOf(fd);
    if (isWalked && before !== undefined) job = { ...job, found: before };
    else if (job.found !== undefined && (before === undefined || !isSameFile(job.found, before))) {
      await closeQuietly(fd);
      this.#noteSkip(job, 'vanished');
      return;
    }
    const end = await new Promise<End>((resolve) => {
      this.#link.submit(new BackgroundTicket(fd, resolve));
    });
    const after = end.kind === 'clean' ? this.#keyOf(fd) : undefined;
    const isHandedOver = end.kind === 'infected' && this.#tellDetection(job, fd, end.signatureName);
    if (!isHandedOver) await closeQuietly(fd);
    const isUnchanged = end.kind !== 'clean' || isSameVersion(before, after);
    if (end.kind !== 'infected') this.#noteEnd(job, end.kind, isUnchanged ? before : undefined);
    else this.#tellEnd(job, before);
  }

  #keyOf(fd: number): FileKey | undefined {
    try {
      this.#options.native.files.status(fd, this.#status);
      return keyOf(this.#status);
    } catch {
      return undefined;
    }
  }

  /** @param judged - the version that this is about */
  #tellEnd(job: Job, judged?: FileKey, kind: FileOutcome['kind'] = 'notClean'): void {
    if (this.#stopped) return;
    this.#observer?.onEnd(decodePath(job.path), judged === undefined ? NOT_CLEAN : { kind, key: judged });
  }

  #noteSkip(job: Job, why: NotScanned): void {
    if (why === 'unreadable' || why === 'tooLarge') {
      this.#counts[why === 'tooLarge' ? 'tooLarge' : 'failed'] += 1;
      this.#options.onIssue(decodePath(job.path), why);
    } else this.#counts.skipped += 1;
    this.#tellEnd(job);
  }

  /** @param judged - the version that this is about; undefined when it changed meanwhile */
  #noteEnd(job: Job, kind: Exclude<End['kind'], 'infected'>, judged: FileKey | undefined): void {
    if (kind === 'clean') {
      this.#counts.scanned += 1;
      this.#tellEnd(job, judged, 'clean');
    } else if (this.#stopped) return;
    else if (kind === 'tooLarge') this.#noteSkip(job, 'tooLarge');
    else if (kind === 'lost' && job.triesLeft > 1) {
      this.#files.putBack([{ ...job, triesLeft: job.triesLeft - 1 }]);
    } else {
      this.#counts.failed += 1;
      this.#options.onIssue(decodePath(job.path), ISSUES[kind]);
      this.#tellEnd(job, judged);
    }
  }

  /** @returns whether the receiver has taken the fd */
  #tellDetection(job: Job, fd: number, signatureName: string): boolean {
    const { handsOver, onDetection } = this.#options;
    this.#counts.scanned += 1;
    this.#counts.infected += 1;
    onDetection({ path: this.#pathOf(fd, job), signatureName, fd: handsOver ? fd : -1 });
    return handsOver;
  }

  #pathOf(fd: number, job: Job): string {
    try {
      return this.#options.native.files.readLink(`/proc/self/fd/${fd}`);
    } catch {
      return decodePath(job.path);
    }
  }

  #isOver(): boolean {
    return this.#stopped;
  }

  /** Only the driver waits here. */
  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet() && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function isWithin(path: Buffer, tree: Buffer): boolean {
  const isPrefix = path.length >= tree.length && path.subarray(0, tree.length).equals(tree);
  return isPrefix && (path.length === tree.length || path[tree.length] === 0x2f || tree.at(-1) === 0x2f);
}

function isSameVersion(before: FileKey | undefined, after: FileKey | undefined): boolean {
  return before !== undefined && after !== undefined && sameKey(before, after);
}

function isSameFile(a: FileKey, b: FileKey): boolean {
  const isSameDevice = a.devMajor === b.devMajor && a.devMinor === b.devMinor;
  return isSameDevice && a.inodeHigh === b.inodeHigh && a.inodeLow === b.inodeLow;
}
