import { execFile, execFileSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { decodePath, openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { FileActions } from '../../src/actions/file-actions.js';
import type { FileActionLimits } from '../../src/actions/file-actions.js';
import type { ActionReport, ActionResult, FileAction, JudgedFile } from '../../src/actions/judged-file.js';
import { decodeRecord } from '../../src/actions/quarantine-record.js';
import type { QuarantineRecord } from '../../src/actions/quarantine-record.js';

/** Renames FROM to TO and back as fast as it can, for so many seconds. */
const RENAMER = `
import os, sys, time
a, b, until = sys.argv[1], sys.argv[2], time.time() + float(sys.argv[3])
print('started', flush=True)
while time.time() < until:
    for x, y in ((a, b), (b, a)):
        try: os.rename(x, y)
        except OSError: pass
`;

/** Puts a clean file in the place of the infected one, and the infected one back, as fast as it can; replaces nothing itself. */
const SWAPPER = `
import ctypes, os, sys, time
d, until = os.fsencode(sys.argv[1]) + b'/', time.time() + float(sys.argv[2])
renameat2 = ctypes.CDLL(None).renameat2
print('started', flush=True)
while time.time() < until:
    for x, y in ((b'victim', b'hidden'), (b'clean', b'victim'), (b'victim', b'clean'), (b'hidden', b'victim')):
        renameat2(-100, d + x, -100, d + y, 1)
`;

/** Renames the directory away and puts a symbolic link to another one in its place, and back. */
const LINKER = `
import os, sys, time
d, other, until = sys.argv[1], sys.argv[2], time.time() + float(sys.argv[3])
print('started', flush=True)
while time.time() < until:
    try:
        os.rename(d, d + '.away'); os.symlink(other, d)
    except OSError: pass
    try:
        os.unlink(d); os.rename(d + '.away', d)
    except OSError: pass
`;

/** A tree with files, a quarantine, and actions on them. */
export class ActionsFixture {
  readonly #directory = makeTempDir('actions-');
  readonly tree = `${this.#directory.path}/tree`;
  readonly quarantine = `${this.#directory.path}/quarantine`;
  readonly native = openNative();
  readonly reports: ActionReport[] = [];
  closedCount = 0;
  readonly #actions: FileActions[] = [];
  readonly #mounts: string[] = [];
  readonly #children: ChildProcess[] = [];

  constructor() {
    mkdirSync(this.tree);
    mkdirSync(this.quarantine, { mode: 0o700 });
  }

  path(name: string): string {
    return `${this.tree}/${name}`;
  }

  write(name: string | Buffer, content = `infected ${String(name)}`, mode = 0o644): Buffer {
    const path = Buffer.concat([Buffer.from(`${this.tree}/`), Buffer.from(name)]);
    writeFileSync(path, content, { mode });
    return path;
  }

  actions(kind: FileAction['kind'], limits: Partial<FileActionLimits> = {}): FileActions {
    const action: FileAction =
      kind === 'move' || kind === 'copy' ? { kind, directory: this.quarantine } : { kind };
    const actions = new FileActions({
      action,
      native: {
        files: {
          close: (fd) => {
            this.native.files.close(fd);
            this.closedCount += 1;
          },
        },
      },
      onReport: (report) => this.reports.push(report),
      limits,
    });
    this.#actions.push(actions);
    return actions;
  }

  /** As the gate hands a file over. */
  judged(path: string | Buffer, facts: Partial<JudgedFile> = {}): JudgedFile {
    return {
      fd: openSync(path, 'r'),
      path: typeof path === 'string' ? path : decodePath(path),
      signatureName: 'Test.Eicar',
      opener: { pid: 1, uid: 1000, executable: '/bin/cat', commandLine: 'cat x', container: '' },
      detectedAtMs: 1_700_000_000_000,
      ...facts,
    };
  }

  /** Opens whichever name the file has at this moment. */
  judgedByEither(paths: readonly string[]): JudgedFile {
    for (let tries = 0; tries < 10_000; tries += 1) {
      for (const path of paths) {
        try {
          return this.judged(path);
        } catch {
          // it has the other name just now
        }
      }
    }
    throw new Error('the file has neither name');
  }

  /** Does an action with one file, and gives back how it ended. */
  async once(kind: FileAction['kind'], path: string | Buffer): Promise<ActionResult> {
    return await this.actions(kind).act(this.judged(path));
  }

  /** What lies in the quarantine, records aside. */
  quarantined(): string[] {
    return readdirSync(this.quarantine).filter((name) => name !== '.portcullis');
  }

  records(): string[] {
    const directory = `${this.quarantine}/.portcullis`;
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  record(file: string): QuarantineRecord {
    return decodeRecord(readFileSync(`${this.quarantine}/.portcullis/${file}.json`, 'utf8'));
  }

  /** Mounts a tmpfs on a directory of the fixture. */
  mountTmpfs(at: string, options = 'size=8m'): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'portcullis-test', at]);
    this.#mounts.push(at);
  }

  async renameInALoop(from: string, to: string, seconds: number): Promise<void> {
    await this.#python(RENAMER, [from, to, String(seconds)]);
  }

  async swapInALoop(seconds: number): Promise<void> {
    await this.#python(SWAPPER, [this.tree, String(seconds)]);
  }

  async linkInALoop(directory: string, other: string, seconds: number): Promise<void> {
    await this.#python(LINKER, [directory, other, String(seconds)]);
  }

  /** Ends what `…InALoop` started. */
  async quiet(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await ended;
    }
  }

  async remove(): Promise<void> {
    await this.quiet();
    for (const actions of this.#actions) await actions.stop();
    for (const mount of this.#mounts.reverse()) execFileSync('umount', [mount]);
    this.#directory.remove();
  }

  async #python(script: string, args: string[]): Promise<void> {
    // It ends by itself after the seconds in its arguments.
    const child = execFile('python3', ['-c', script, ...args]);
    this.#children.push(child);
    await new Promise((resolve, reject) => {
      child.stdout?.once('data', resolve);
      child.once('close', reject);
    });
  }
}
