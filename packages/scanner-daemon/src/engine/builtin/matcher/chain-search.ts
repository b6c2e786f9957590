import { UNBOUNDED } from '../../../database/readers/body-signature.js';
import type { BodyTable } from '../../../database/compiled-database.js';
import type { ScanInput } from '../../engine.js';
import { CORE_BYTES, readWindow } from './input-window.js';
import type { InputWindow } from './input-window.js';
import { partFits, partLength, startRange } from './match-part.js';
import type { StartRange } from './match-part.js';
import type { WorkMeter } from './work-meter.js';

/** Past the end of any input. A constant, and not the global `Infinity`, for the reason in anchor-hash.ts. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** Settled ends are removed in bulk: from this many on, and once they are half of the queue. */
const COMPACT_FROM = 1024;

/** What one search for a part costs beside the bytes it passes over, in units of the meter (measured: 100 ns or so). */
const SEARCH_UNITS = 64;

/** One part on its way through the file. Offsets are from the start of the input. */
interface Link {
  readonly part: number;
  readonly lengthBytes: number;
  /** The literal run that it is searched by; empty when there is none. */
  readonly run: Buffer;
  readonly runOffset: number;
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

/** How a chain search ended. `lastPartOffset` is where the last part begins in the input. */
export type ChainOutcome =
  | { readonly kind: 'match'; readonly lastPartOffset: number }
  | { readonly kind: 'noMatch' }
  /** The meter stopped. */
  | { readonly kind: 'stopped' }
  /** The input became shorter. */
  | { readonly kind: 'unreadable' };

/** What is searched in what. */
export interface ChainTask {
  readonly bodies: BodyTable;
  readonly signature: number;
  readonly input: ScanInput;
  readonly meter: WorkMeter;
}

/** Searches one signature over the whole input, gaps and offset included. See the README, "Chain search". */
export function searchChain(task: ChainTask): ChainOutcome {
  const range = startRange(task.bodies, task.signature, task.input.sizeBytes);
  if (range.first > range.last || range.first >= task.input.sizeBytes) return { kind: 'noMatch' };
  const chain = new Chain(task, range);
  const firstCore = Math.floor(range.first / CORE_BYTES) * CORE_BYTES;
  for (let core = firstCore; core < task.input.sizeBytes; core += CORE_BYTES) {
    if (chain.isHopelessFrom(core)) break;
    const window = readWindow(task.input, core);
    if (window === undefined) return { kind: 'unreadable' };
    const lastPartOffset = chain.advance(window);
    if (lastPartOffset !== undefined) return { kind: 'match', lastPartOffset };
    task.meter.check();
    if (task.meter.isStopped) return { kind: 'stopped' };
  }
  return { kind: 'noMatch' };
}

class Chain {
  readonly #task: ChainTask;
  readonly #range: StartRange;
  readonly #links: readonly Link[];
  /** Links before this one are done: a gap without an upper end lies behind them. */
  #lowest = 0;
  /** Links after this one cannot begin yet. */
  #highest = 0;

  constructor(task: ChainTask, range: StartRange) {
    this.#task = task;
    this.#range = range;
    this.#links = linksOf(task.bodies, task.signature);
  }

  isHopelessFrom(inputOffset: number): boolean {
    return this.#highest === 0 && inputOffset > this.#range.last;
  }

  /** Takes all parts through one core. Returns where the last one begins once the whole chain stands. */
  advance(window: InputWindow): number | undefined {
    const buffer = Buffer.from(window.bytes.buffer, window.bytes.byteOffset, window.bytes.byteLength);
    const coreOffset = window.inputOffset + window.coreStart;
    for (let index = this.#lowest; index <= this.#highest; index++)
      this.#seek(window, buffer, index, coreOffset);
    for (;;) {
      const index = this.#earliest();
      const link = this.#links[index];
      if (link === undefined || link.nextStart === NOWHERE || this.#task.meter.isStopped) return undefined;
      const start = link.nextStart;
      if (this.#accepts(link, index, start)) {
        const next = this.#links[index + 1];
        if (next === undefined) return start;
        this.#open(next, index + 1, start, link.lengthBytes);
        if (this.#highest === index) {
          this.#highest = index + 1;
          this.#seek(window, buffer, index + 1, start + link.lengthBytes);
        }
      }
      if (index >= this.#lowest) this.#seek(window, buffer, index, start + 1);
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
  #seek(window: InputWindow, buffer: Buffer, index: number, fromOffset: number): void {
    const link = this.#links[index];
    if (link === undefined) return;
    const from = Math.max(fromOffset - window.inputOffset, window.coreStart);
    const found = findPart(this.#task, link, { buffer, from, to: window.coreEnd });
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

function linksOf(bodies: BodyTable, signature: number): Link[] {
  const links: Link[] = [];
  const end = bodies.firstParts[signature + 1] ?? 0;
  for (let part = bodies.firstParts[signature] ?? 0; part < end; part++) {
    const runOffset = bodies.runOffsets[part] ?? 0;
    const runStart = (bodies.partStarts[part] ?? 0) + runOffset;
    links.push({
      part,
      lengthBytes: partLength(bodies, part),
      run: Buffer.from(bodies.values.subarray(runStart, runStart + (bodies.runLengths[part] ?? 0))),
      runOffset,
      gapMinBytes: bodies.gapMins[part] ?? 0,
      gapMaxBytes: bodies.gapMaxes[part] ?? 0,
      pendingEnds: [],
      settledCount: 0,
      reachableEnd: undefined,
      nextStart: NOWHERE,
    });
  }
  return links;
}

interface Stretch {
  readonly buffer: Buffer;
  readonly from: number;
  /** Starts lie below this. */
  readonly to: number;
}

function findPart(task: ChainTask, link: Link, { buffer, from, to }: Stretch): number {
  const lastStart = Math.min(to - 1, buffer.length - link.lengthBytes);
  task.meter.spend(SEARCH_UNITS);
  for (let start = from; start <= lastStart; start++) {
    if (link.run.length > 0) {
      const run = buffer.indexOf(link.run, start + link.runOffset);
      if (run === -1 || run - link.runOffset > lastStart) {
        task.meter.spend(lastStart - start + 1);
        return -1;
      }
      task.meter.spend(run - link.runOffset - start + link.lengthBytes);
      start = run - link.runOffset;
    } else {
      task.meter.spend(link.lengthBytes);
    }
    if (partFits(task.bodies, link.part, buffer, start)) return start;
    if (task.meter.isStopped) return -1;
  }
  return -1;
}
