import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError, cleanControlCharacters, strerror } from '@portcullis/shared';
import { textLine } from './text-log.js';
import type { TextLog, TextSeverity } from './text-log.js';

/** The file of --log cannot be opened or written: its message is clamonacc's, without `ERROR: `. */
export class LogFileError extends AppError<'LOG_OPEN' | 'LOG_WRITE'> {}

export interface LogFileOptions {
  readonly path: string;
  /** Whether `verbose` lines are written. */
  readonly verbose: boolean;
  /** Told of the first failure of a row, until the log works again. */
  readonly onFailure: (error: LogFileError) => void;
}

/** The first line of every start (behaviour 4.2). */
const OPENING_LINE = '-'.repeat(38);
const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** As clamonacc opens it, symbolic links refused; a FIFO that nobody reads from loses lines rather than hold us up. */
const OPEN_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
const LOG_FILE_MODE = 0o640;
/** Lines waiting for a disk that does not take them; further ones are dropped and counted. */
const WAITING_MAX_CHARACTERS = 1_048_576;
const BATCH_MAX_LINES = 256;

/**
 * The file of --log. Lines are written in the background, in order: a full disk or a hung filesystem costs lines, and the
 * count of them is told by the next one that can be written.
 */
export class LogFile implements TextLog {
  readonly #options: LogFileOptions;
  #file: FileHandle;
  readonly #waiting: string[] = [];
  #waitingCharacters = 0;
  /** Not yet told of in the file. */
  #linesLost = 0;
  #linesDropped = 0;
  #isFailing = false;
  /** SIGHUP came: what lies at the path now is opened before the next line. */
  #isStale = false;
  /** The disk took only a part of the last line. */
  #isWithinLine = false;
  /** Undefined while nothing is to be done. */
  #work: Promise<void> | undefined;

  private constructor(options: LogFileOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
  }

  /**
   * Appends to the file, or makes it with mode 0640.
   *
   * @throws LogFileError LOG_OPEN
   */
  static async open(options: LogFileOptions): Promise<LogFile> {
    const log = new LogFile(options, await openAt(options.path));
    log.write('plain', OPENING_LINE);
    return log;
  }

  /** Since the start. */
  get linesDropped(): number {
    return this.#linesDropped;
  }

  write(severity: TextSeverity, text: string): void {
    if (severity === 'verbose' && !this.#options.verbose) return;
    const line = `${cleanControlCharacters(textLine(severity, text))}\n`;
    if (this.#waitingCharacters + line.length > WAITING_MAX_CHARACTERS) {
      this.#drop(1);
      return;
    }
    this.#waiting.push(line);
    this.#waitingCharacters += line.length;
    this.#work ??= this.#drain();
  }

  /** SIGHUP: from here on lines go to the file that is at the path then, a new one if there is none. */
  reopen(): void {
    this.#isStale = true;
    this.#work ??= this.#drain();
  }

  /** Waits until all lines are written or dropped, but not longer than that. */
  async flush(maxMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, maxMs);
    });
    await Promise.race([this.#work, patience]);
    clearTimeout(timer);
  }

  /** Writes what waits and closes the file. What is written afterwards is dropped and counted. */
  async close(maxMs: number): Promise<void> {
    await this.flush(maxMs);
    if (this.#work === undefined) await this.#file.close();
  }

  #drop(lines: number): void {
    this.#linesLost += lines;
    this.#linesDropped += lines;
  }

  async #drain(): Promise<void> {
    // What the caller of write() has to say in one go becomes one write.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#isStale) {
      if (this.#isStale) await this.#renew();
      const batch = this.#waiting.splice(0, BATCH_MAX_LINES);
      if (batch.length > 0) await this.#writeBatch(batch);
    }
    this.#work = undefined;
  }

  async #writeBatch(batch: readonly string[]): Promise<void> {
    const text = batch.join('');
    const lost = this.#linesLost;
    const notice = lost === 0 ? '' : `${textLine('warning', `${lost} log lines could not be written.`)}\n`;
    try {
      await this.#append(Buffer.from(`${this.#isWithinLine ? '\n' : ''}${notice}${text}`));
      this.#linesLost -= lost;
      this.#isFailing = false;
    } catch (cause) {
      this.#drop(batch.length);
      this.#fail('LOG_WRITE', `Can't write to log file`, cause);
    }
    this.#waitingCharacters -= text.length;
  }

  /** A disk that is filling up takes a part; what it says to the rest is the error. */
  async #append(bytes: Buffer): Promise<void> {
    let written = 0;
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await this.#file.write(bytes, written);
        if (bytesWritten === 0) throw new Error('nothing was taken');
        written += bytesWritten;
      }
    } finally {
      if (written > 0) this.#isWithinLine = bytes[written - 1] !== 0x0a;
    }
  }

  /** Where the new file cannot be had, lines go on to the old one until the next SIGHUP. */
  async #renew(): Promise<void> {
    this.#isStale = false;
    try {
      const fresh = await openAt(this.#options.path);
      const old = this.#file;
      this.#file = fresh;
      this.#isWithinLine = false;
      await old.close();
    } catch (error) {
      this.#fail('LOG_OPEN', 'Failed to reopen log file', error);
    }
  }

  #fail(code: 'LOG_OPEN' | 'LOG_WRITE', what: string, cause: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const reason = cause instanceof LogFileError ? cause.cause : cause;
    this.#options.onFailure(
      new LogFileError(code, `${what} ${this.#options.path}: ${strerror(reason)}`, { cause }),
    );
  }
}

async function openAt(path: string): Promise<FileHandle> {
  try {
    return await open(path, OPEN_FLAGS, LOG_FILE_MODE);
  } catch (cause) {
    throw new LogFileError('LOG_OPEN', `Failed to open log file ${path}: ${strerror(cause)}`, { cause });
  }
}
