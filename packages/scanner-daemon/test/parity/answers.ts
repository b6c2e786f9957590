import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { clamscanAll } from './clamscan.js';

/** How many clamscans run beside each other. */
const LANES = 2;

/** What clamscan finds in bytes, asked once: its answers are kept from run to run, by the hash of the bytes. */
export class Answers {
  readonly #database: string;
  readonly #workDirectory: string;
  readonly #file: string | undefined;
  readonly #known = new Map<string, readonly string[]>();

  /**
   * @param workDirectory - becomes full of files and is emptied
   * @param keepIn - where answers are kept; undefined: nowhere
   */
  constructor(database: string, workDirectory: string, keepIn: string | undefined) {
    this.#database = database;
    this.#workDirectory = workDirectory;
    if (keepIn === undefined) return;
    mkdirSync(keepIn, { recursive: true });
    this.#file = join(keepIn, `clamscan-${digestOf(database)}.jsonl`);
    if (!existsSync(this.#file)) return;
    for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
      const [, key, names] = /^([0-9a-f]{64}) (.*)$/.exec(line) ?? [];
      if (key !== undefined && names !== undefined)
        this.#known.set(key, names === '' ? [] : names.split('\t'));
    }
  }

  /** The names that clamscan finds in each. */
  async ask(contents: readonly Uint8Array[]): Promise<readonly ReadonlySet<string>[]> {
    const keys = contents.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
    const unknown = new Map<string, Uint8Array>();
    for (const [index, key] of keys.entries()) {
      const bytes = contents[index];
      if (bytes !== undefined && !this.#known.has(key)) unknown.set(key, bytes);
    }
    if (unknown.size > 0) await this.#askClamscan([...unknown]);
    return keys.map((key) => new Set(this.#known.get(key)));
  }

  async #askClamscan(unknown: readonly (readonly [string, Uint8Array])[]): Promise<void> {
    const lanes = Array.from({ length: Math.min(LANES, unknown.length) }, (_, lane) =>
      this.#askLane(
        lane,
        unknown.filter((_each, index) => index % LANES === lane),
      ),
    );
    await Promise.all(lanes);
  }

  async #askLane(lane: number, files: readonly (readonly [string, Uint8Array])[]): Promise<void> {
    const directory = join(this.#workDirectory, `lane-${lane}`);
    mkdirSync(directory, { recursive: true });
    try {
      for (const [key, bytes] of files) writeFileSync(join(directory, key), bytes);
      const found = await clamscanAll(this.#database, { directory });
      for (const [key] of files) {
        const names = [...(found.get(join(directory, key)) ?? [])];
        this.#known.set(key, names);
        if (this.#file !== undefined) appendFileSync(this.#file, `${key} ${names.join('\t')}\n`);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

function digestOf(database: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(database).sort())
    hash.update(name).update(readFileSync(join(database, name)));
  return hash.digest('hex').slice(0, 16);
}
