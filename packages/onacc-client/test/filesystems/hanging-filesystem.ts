import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mountOf, readMountTable } from '../../src/mounts/mount-table.js';
import type { MountsFixture } from './mounts-fixture.js';

// Seen from dist/test/filesystems, where this file runs.
const SERVER = fileURLToPath(new URL('../../../test/filesystems/hang-server.py', import.meta.url));
/** After that the server ends by itself and lets everybody go. */
const LIFE_SECONDS = 60;

/** Why there can be no FUSE filesystem here; undefined when there can. */
export function whyNoFuse(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root';
  return existsSync('/dev/fuse') ? undefined : 'there is no /dev/fuse (kernel module fuse)';
}

/** A FUSE filesystem of type `fuse.hang` with one file, whose open or read never ends. */
export class HangingFilesystem {
  readonly path: string;
  /** Its only file: whoever opens it in this process hangs this process. */
  readonly file: string;
  readonly #server: ChildProcess;
  readonly #connections: string;

  /** Mounted in the fixture's directory, and gone before the fixture is when {@link HangingFilesystem.stop} was called. */
  static async start(mounts: MountsFixture, hangsIn: 'open' | 'read'): Promise<HangingFilesystem> {
    const filesystem = new HangingFilesystem(mounts, hangsIn);
    await filesystem.#mounted();
    return filesystem;
  }

  private constructor(mounts: MountsFixture, hangsIn: 'open' | 'read') {
    this.path = mounts.directory('hang');
    this.file = `${this.path}/file`;
    this.#connections = mounts.directory('connections');
    mounts.mount(['-t', 'fusectl', 'portcullis-test'], this.#connections);
    this.#server = spawn('python3', [SERVER, this.path, hangsIn, String(LIFE_SECONDS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Ends every open and read that hangs (ENOTCONN, ECONNABORTED), as an administrator would. */
  abort(): void {
    const mount = mountOf(this.path, readMountTable(readFileSync('/proc/self/mountinfo', 'latin1')));
    if (mount?.type !== 'fuse.hang') return;
    const connection = mount.device.split(':')[1] ?? '';
    writeFileSync(`${this.#connections}/${connection}/abort`, '1');
  }

  /** Aborts, unmounts and ends the server. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once('close', resolve));
    this.abort();
    if (this.#server.exitCode !== null) return;
    // It may have met the abort and be leaving already.
    this.#server.kill('SIGTERM');
    await ended;
  }

  async #mounted(): Promise<void> {
    const { stdout } = this.#server;
    if (stdout === null) throw new Error('no output of the FUSE server');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', () => {
        resolve();
      });
      this.#server.once('close', () => {
        reject(new Error('the FUSE server could not mount'));
      });
    });
  }
}
