import { hashInode } from './file-key.js';
import type { FileKey } from './file-key.js';

const WORDS = 13;
const WAYS = 4;

// The words of an entry. GENERATION 0 marks an empty one.
const GENERATION = 0;
const DEV_MAJOR = 1;
const DEV_MINOR = 2;
const INODE_HIGH = 3;
const INODE_LOW = 4;
const SIZE_HIGH = 5;
const SIZE_LOW = 6;
const MTIME_SECONDS = 7;
const MTIME_NS = 8;
const CTIME_SECONDS_LOW = 9;
const CTIME_NS = 10;
const MTIME_SECONDS_HIGH = 11;
const MOUNT = 12;

/** It holds for the inode, whatever mount it is reached through. */
export const ANY_MOUNT = 0;

/**
 * Which content versions were found clean, in a fixed table of 52 bytes an entry: four-way buckets, no pointers, nothing
 * for the garbage collector. Only clean verdicts are kept: an infected file is scanned at every open, so that a detection is
 * never older than the file. A flush bumps the generation instead of touching the table.
 *
 * Whether an entry may be *served* is not decided here: the caller probes for writers first.
 */
export class VerdictCache {
  readonly #table: Uint32Array;
  readonly #bucketMask: number;
  #generation = 1;
  #victim = 0;

  /** @param entriesMax - rounded up to a power of two, at least 4 */
  constructor(entriesMax: number) {
    const entries = 2 ** Math.ceil(Math.log2(Math.max(entriesMax, WAYS)));
    this.#table = new Uint32Array(entries * WORDS);
    this.#bucketMask = entries / WAYS - 1;
  }

  /** Changes with every flush; a verdict may be stored only under the generation its scan began in. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether exactly this version was found clean. `mount`: as it was stored. */
  has(key: FileKey, mount = ANY_MOUNT): boolean {
    const at = this.#find(key);
    if (at < 0 || this.#table[at + GENERATION] !== this.#generation) return false;
    return this.#table[at + MOUNT] === mount >>> 0 && this.#sameVersion(at, key);
  }

  /**
   * Remembers this version as clean, unless the cache was flushed since `generation`.
   *
   * @param mount - the number of the mount that this holds for; of it, the low 32 bits count
   */
  store(key: FileKey, generation: number, mount = ANY_MOUNT): void {
    if (generation !== this.#generation) return;
    const found = this.#find(key);
    const at = found >= 0 ? found : this.#freeOrVictim(key);
    const table = this.#table;
    table[at + GENERATION] = this.#generation;
    table[at + DEV_MAJOR] = key.devMajor;
    table[at + DEV_MINOR] = key.devMinor;
    table[at + INODE_HIGH] = key.inodeHigh;
    table[at + INODE_LOW] = key.inodeLow;
    table[at + SIZE_HIGH] = Math.floor(key.sizeBytes / 0x1_0000_0000);
    table[at + SIZE_LOW] = key.sizeBytes;
    table[at + MTIME_SECONDS] = key.mtimeSeconds;
    table[at + MTIME_SECONDS_HIGH] = Math.floor(key.mtimeSeconds / 0x1_0000_0000);
    table[at + MTIME_NS] = key.mtimeNs;
    table[at + CTIME_SECONDS_LOW] = key.ctimeSeconds;
    table[at + CTIME_NS] = key.ctimeNs;
    table[at + MOUNT] = mount;
  }

  /** Forgets whatever is known of this inode. */
  drop(key: FileKey): void {
    const at = this.#find(key);
    if (at >= 0) this.#table[at + GENERATION] = 0;
  }

  /** Forgets everything. */
  flush(): void {
    this.#generation = this.#generation >= 0xffff_fffe ? 1 : this.#generation + 1;
    if (this.#generation === 1) this.#table.fill(0);
  }

  #find(key: FileKey): number {
    const table = this.#table;
    let at = (hashInode(key) & this.#bucketMask) * WAYS * WORDS;
    for (let way = 0; way < WAYS; way += 1, at += WORDS) {
      if (
        table[at + GENERATION] !== 0 &&
        table[at + INODE_LOW] === key.inodeLow &&
        table[at + INODE_HIGH] === key.inodeHigh &&
        table[at + DEV_MINOR] === key.devMinor &&
        table[at + DEV_MAJOR] === key.devMajor
      ) {
        return at;
      }
    }
    return -1;
  }

  #sameVersion(at: number, key: FileKey): boolean {
    const table = this.#table;
    return (
      table[at + SIZE_LOW] === key.sizeBytes >>> 0 &&
      table[at + SIZE_HIGH] === Math.floor(key.sizeBytes / 0x1_0000_0000) &&
      table[at + CTIME_NS] === key.ctimeNs &&
      table[at + CTIME_SECONDS_LOW] === key.ctimeSeconds >>> 0 &&
      table[at + MTIME_NS] === key.mtimeNs &&
      table[at + MTIME_SECONDS] === key.mtimeSeconds >>> 0 &&
      table[at + MTIME_SECONDS_HIGH] === Math.floor(key.mtimeSeconds / 0x1_0000_0000) >>> 0
    );
  }

  #freeOrVictim(key: FileKey): number {
    const bucket = (hashInode(key) & this.#bucketMask) * WAYS * WORDS;
    for (let way = 0; way < WAYS; way += 1) {
      const generation = this.#table[bucket + way * WORDS + GENERATION];
      if (generation !== this.#generation) return bucket + way * WORDS;
    }
    this.#victim = (this.#victim + 1) % WAYS;
    return bucket + this.#victim * WORDS;
  }
}
