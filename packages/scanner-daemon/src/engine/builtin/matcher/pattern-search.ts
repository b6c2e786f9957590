import { NO_MASKS, UNBOUNDED_GAP, type CompiledSignatures } from '../../../database/compiled-signatures.js';
import { CORE_BYTES } from './input-window.js';
import { partFits, partLength, partSpace } from './match-part.js';
import type { StartRange } from './offset-ranges.js';
import { foldRun, type SearchWindow, type WindowReader } from './window-reader.js';
import type { WorkMeter } from './work-meter.js';

/** Past the end of any input. A constant, and not the global `Infinity`, for the reason in anchor-hash.ts. */
const NOWHERE = Number.POSITIVE_INFINITY;
/** No bound of a gap. */
const UNBOUNDED = Number.POSITIVE_INFINITY;

/** Settled ends are removed in bulk: from this many on, and once they are half of the queue. */
const COMPACT_FROM = 1024;

/** What one search for a part costs beside the bytes it passes over, in units of the meter (measured: 100 ns or so). */
const SEARCH_UNITS = 64;

/** What is searched in what. */
export interface PatternSearch {
  readonly compiled: CompiledSignatures;
  readonly reader: WindowReader;
  readonly meter: WorkMeter;
}

/** What one variant came to: matches by where its last part begins, up to the limit. */
export interface PatternMatches {
  readonly count: number;
  /** Where the last part of the first match begins in the input; for a pattern of one part, where it begins. */
  readonly firstOffset: number;
  /** The same of the last one that was counted. */
  readonly lastOffset: number;
}

const NO_MATCHES: PatternMatches = { count: 0, firstOffset: 0, lastOffset: 0 };

/** Searches one variant over the whole input, gaps and offset included. See the README, "Search". */
export function searchVariant(
  search: PatternSearch,
  variant: number,
  range: StartRange,
  limit: number,
): PatternMatches {
  const { sizeBytes } = search.reader.input;
  if (range.first > range.last || range.first >= sizeBytes || range.last < 0) return NO_MATCHES;
  const chain = new Chain(search, variant, range, limit);
  const from = Math.max(0, range.first);
  for (let core = Math.floor(from / CORE_BYTES) * CORE_BYTES; core < sizeBytes; core += CORE_BYTES) {
    if (chain.isHopelessFrom(core)) break;
    const window = search.reader.windowAt(core);
    if (window === undefined) break;
    chain.advance(window);
    if (chain.matches.count >= limit) break;
    if (core + CORE_BYTES < sizeBytes) search.meter.check();
    if (search.meter.isStopped) break;
  }
  return chain.matches;
}

/** One part on its way through the file. Offsets are from the start of the input. */
interface Link {
  readonly part: number;
  readonly lengthBytes: number;
  /** The literal run that it is searched by; empty when there is none. */
  readonly run: Buffer;
  readonly runOffset: number;
  readonly isFolded: boolean;
  readonly gapMinBytes: number;
  readonly gapMaxBytes: number;
  /** Ends of the part before that are not yet `gapMinBytes` behind, ascending. */
  readonly pendingEnds: number[];
  /** How many of them at the front are settled, and only not yet removed. */
  settledCount: number;
  /** The end of the part before that decides; undefined while there is none. */
  reachableEnd: number | undefined;
  /** The next place where this part stands in the current window; {@link NOWHERE} for none. */
  nextStart: number;
}

class Chain {
  readonly #search: PatternSearch;
  readonly #range: StartRange;
  readonly #limit: number;
  readonly #links: readonly Link[];
  /** Links before this one are done: a gap without an upper end lies behind them. */
  #lowest = 0;
  /** Links after this one cannot begin yet. */
  #highest = 0;
  #count = 0;
  #firstOffset = 0;
  #lastOffset = 0;

  constructor(search: PatternSearch, variant: number, range: StartRange, limit: number) {
    this.#search = search;
    this.#range = range;
    this.#limit = limit;
    this.#links = linksOf(search.compiled, variant);
  }

  get matches(): PatternMatches {
    return { count: this.#count, firstOffset: this.#firstOffset, lastOffset: this.#lastOffset };
  }

  isHopelessFrom(inputOffset: number): boolean {
    return this.#highest === 0 && inputOffset > this.#range.last;
  }

  /** Takes all parts through one core. */
  advance(window: SearchWindow): void {
    const coreOffset = window.inputOffset + window.coreStart;
    for (let index = this.#lowest; index <= this.#highest; index++) this.#seek(window, index, coreOffset);
    for (;;) {
      const index = this.#earliest();
      const link = this.#links[index];
      if (link === undefined || link.nextStart === NOWHERE || this.#search.meter.isStopped) return;
      const start = link.nextStart;
      if (index === 0 && this.#highest === 0 && start > this.#range.last) return;
      if (this.#accepts(link, index, start)) {
        const next = this.#links[index + 1];
        if (next === undefined) {
          if (this.#count === 0) this.#firstOffset = start;
          this.#lastOffset = start;
          this.#count++;
          if (this.#count >= this.#limit) return;
        } else {
          this.#open(next, index + 1, start, link.lengthBytes);
          if (this.#highest === index) {
            this.#highest = index + 1;
            this.#seek(window, index + 1, start + link.lengthBytes);
          }
        }
      }
      if (index >= this.#lowest) this.#seek(window, index, start + 1);
    }
  }

  #earliest(): number {
    let earliest = this.#lowest;
    for (let index = this.#lowest + 1; index <= this.#highest; index++) {
      if ((this.#links[index]?.nextStart ?? NOWHERE) < (this.#links[earliest]?.nextStart ?? NOWHERE))
        earliest = index;
    }
    return earliest;
  }

  #accepts(link: Link, index: number, start: number): boolean {
    if (index === 0) return start >= this.#range.first && start <= this.#range.last;
    settle(link, start);
    const end = link.reachableEnd;
    return end !== undefined && start >= end + link.gapMinBytes && start - end <= link.gapMaxBytes;
  }

  /** Notes that the part before `next` stands at `start`. */
  #open(next: Link, nextIndex: number, start: number, lengthBytes: number): void {
    if (next.gapMaxBytes === UNBOUNDED) {
      next.reachableEnd ??= start + lengthBytes;
      this.#lowest = nextIndex;
    } else {
      settle(next, start);
      next.pendingEnds.push(start + lengthBytes);
    }
  }

  /** Finds the next place of a part at or after an input offset, within the window's core. */
  #seek(window: SearchWindow, index: number, fromOffset: number): void {
    const link = this.#links[index];
    if (link === undefined) return;
    const firstOffset = index === 0 ? Math.max(fromOffset, this.#range.first) : fromOffset;
    const lastOffset = index === 0 ? this.#range.last : NOWHERE;
    const from = Math.max(firstOffset - window.inputOffset, window.coreStart);
    const to = Math.min(window.coreEnd, lastOffset - window.inputOffset + 1);
    const found = findPart(this.#search, link, window, { from, to });
    link.nextStart = found === -1 ? NOWHERE : found + window.inputOffset;
  }
}

/** Moves the ends that are far enough back for a part at `start`, or anywhere later, out of the queue. */
function settle(link: Link, start: number): void {
  for (; link.settledCount < link.pendingEnds.length; link.settledCount++) {
    const end = link.pendingEnds[link.settledCount];
    if (end === undefined || end > start - link.gapMinBytes) break;
    link.reachableEnd = end;
  }
  if (link.settledCount * 2 < link.pendingEnds.length || link.settledCount < COMPACT_FROM) return;
  link.pendingEnds.splice(0, link.settledCount);
  link.settledCount = 0;
}

function linksOf({ variants, parts }: CompiledSignatures, variant: number): Link[] {
  const links: Link[] = [];
  const end = variants.firstParts[variant + 1] ?? 0;
  for (let part = variants.firstParts[variant] ?? 0; part < end; part++) {
    const runOffset = parts.runOffsets[part] ?? 0;
    const runStart = (parts.starts[part] ?? 0) + runOffset;
    const run = parts.values.slice(runStart, runStart + (parts.runLengths[part] ?? 0));
    const isFolded = parts.runIsFolded[part] === 1;
    const gapMax = parts.gapMaxes[part] ?? 0;
    links.push({
      part,
      lengthBytes: partLength(parts, part),
      run: isFolded
        ? foldMaskedRun(run, parts.masks, (parts.maskStarts[part] ?? NO_MASKS) + runOffset)
        : Buffer.from(run.buffer),
      runOffset,
      isFolded,
      gapMinBytes: parts.gapMins[part] ?? 0,
      gapMaxBytes: gapMax === UNBOUNDED_GAP ? UNBOUNDED : gapMax,
      pendingEnds: [],
      settledCount: 0,
      reachableEnd: undefined,
      nextStart: NOWHERE,
    });
  }
  return links;
}

/** Letters in either case are stored without the bit that tells the cases apart. */
function foldMaskedRun(run: Uint8Array, masks: Uint8Array, maskStart: number): Buffer {
  return foldRun(run.map((byte, index) => (masks[maskStart + index] === 0xdf ? byte | 0x20 : byte)));
}

/** Positions in the bytes of a window. */
interface Stretch {
  readonly from: number;
  /** Starts lie below this. */
  readonly to: number;
}

function findPart(
  { compiled, reader, meter }: PatternSearch,
  link: Link,
  window: SearchWindow,
  { from, to }: Stretch,
): number {
  const space = partSpace(window, reader.input.sizeBytes);
  const lastStart = Math.min(to - 1, window.bytes.length - link.lengthBytes);
  meter.spend(SEARCH_UNITS);
  // A search over the whole window is not worth it for a few places.
  const isSearched = link.run.length > 0 && lastStart - from > SEARCH_UNITS;
  const buffer = isSearched && link.isFolded ? reader.folded(window) : window.buffer;
  for (let start = from; start <= lastStart; start++) {
    if (isSearched) {
      const run = buffer.indexOf(link.run, start + link.runOffset);
      if (run === -1 || run - link.runOffset > lastStart) {
        meter.spend(lastStart - start + 1);
        return -1;
      }
      meter.spend(run - link.runOffset - start + link.lengthBytes);
      start = run - link.runOffset;
    } else {
      meter.spend(link.lengthBytes);
    }
    if (partFits(compiled, link.part, space, start)) return start;
    if (meter.isStopped) return -1;
  }
  return -1;
}
