import type { AnchorTable, BodyFilter, BodyTable } from '../../../database/compiled-database.js';
import type { ScanInput } from '../../engine.js';
import { bucketOf, passDense, passStrided } from './anchor-pass.js';
import { searchChain } from './chain-search.js';
import type { InputWindow } from './input-window.js';
import { partFits, partLength, startRange } from './match-part.js';
import type { WorkMeter } from './work-meter.js';

/** One scan's frame. */
export interface BodyScan {
  readonly input: ScanInput;
  readonly filter: BodyFilter;
  readonly meter: WorkMeter;
  readonly allMatch: boolean;
}

interface BodyHit {
  readonly signature: number;
  /** Where its last part begins in the input. */
  readonly lastPartOffset: number;
}

/**
 * Matches body signatures window by window. Holds the scratch memory of one thread; used for one scan at a time:
 * {@link begin}, {@link scanWindow} for each window in order, {@link finish}.
 */
export class BodyMatcher {
  readonly #bodies: BodyTable;
  /** The number of the last scan that settled a signature (matched it, or put it on the list). */
  readonly #settledIn: Uint32Array;
  #scanNumber = 0;
  #scan: BodyScan | undefined;
  #window: InputWindow | undefined;
  #hits: BodyHit[] = [];
  #chains: number[] = [];

  constructor(bodies: BodyTable) {
    this.#bodies = bodies;
    this.#settledIn = new Uint32Array(bodies.nameIds.length);
  }

  begin(scan: BodyScan): void {
    if (this.#scanNumber === 0xffffffff) {
      this.#settledIn.fill(0);
      this.#scanNumber = 0;
    }
    this.#scanNumber++;
    this.#scan = scan;
    this.#hits = [];
    this.#chains = [...scan.filter.unanchored];
  }

  /** Whether the scan has found what it is going to report, and may stop. */
  get isDecided(): boolean {
    const scan = this.#scan;
    if (scan === undefined || scan.allMatch || this.#hits.length === 0) return false;
    // clamd reports a signature for the file's own type before one for any type.
    return (
      !scan.filter.hasTargeted || this.#hits.some((hit) => this.#bodies.isForTarget[hit.signature] === 1)
    );
  }

  scanWindow(window: InputWindow): void {
    const scan = this.#scan;
    if (scan === undefined) return;
    this.#window = window;
    passStrided(scan.filter.strided, window, this.#onCandidate);
    passDense(scan.filter.dense, window, this.#onCandidate);
    this.#window = undefined;
  }

  /**
   * Searches what the windows could not settle, and ends the scan.
   *
   * @returns the matching signatures in the order of report, or undefined when the input became shorter.
   */
  finish(): readonly number[] | undefined {
    const scan = this.#scan;
    if (scan === undefined) return [];
    for (const signature of this.#chains) {
      if (this.isDecided || scan.meter.isStopped) break;
      const outcome = searchChain({ bodies: this.#bodies, signature, input: scan.input, meter: scan.meter });
      if (outcome.kind === 'unreadable') return undefined;
      if (outcome.kind === 'match') this.#hits.push({ signature, lastPartOffset: outcome.lastPartOffset });
    }
    this.#scan = undefined;
    return this.#hits.sort((a, b) => this.#compare(a, b)).map((hit) => hit.signature);
  }

  #compare(a: BodyHit, b: BodyHit): number {
    const targeted = (hit: BodyHit): number => this.#bodies.isForTarget[hit.signature] ?? 0;
    return targeted(b) - targeted(a) || a.lastPartOffset - b.lastPartOffset || a.signature - b.signature;
  }

  readonly #onCandidate = (table: AnchorTable, word: number, bytesOffset: number): boolean => {
    const scan = this.#scan;
    const window = this.#window;
    if (scan === undefined || window === undefined) return false;
    const { start, end } = bucketOf(table, word);
    for (let entry = start; entry < end; entry++) {
      if (table.words[entry] !== word) continue;
      this.#verify(scan, window, {
        part: table.parts[entry] ?? 0,
        at: bytesOffset - (table.partOffsets[entry] ?? 0),
      });
    }
    return !scan.meter.isStopped;
  };

  #verify(scan: BodyScan, window: InputWindow, { part, at }: { part: number; at: number }): void {
    const bodies = this.#bodies;
    const signature = bodies.partSignatures[part] ?? 0;
    if (this.#settledIn[signature] === this.#scanNumber) return;
    scan.meter.spend(partLength(bodies, part));
    if (!partFits(bodies, part, window.bytes, at)) return;
    const partCount = (bodies.firstParts[signature + 1] ?? 0) - (bodies.firstParts[signature] ?? 0);
    if (partCount > 1) {
      this.#chains.push(signature);
    } else {
      const range = startRange(bodies, signature, scan.input.sizeBytes);
      const inputOffset = window.inputOffset + at;
      if (inputOffset < range.first || inputOffset > range.last) return;
      this.#hits.push({ signature, lastPartOffset: inputOffset });
    }
    this.#settledIn[signature] = this.#scanNumber;
  }
}
