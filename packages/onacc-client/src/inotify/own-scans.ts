/** More than a scanner takes in; what is beyond it is told of again and again instead of being remembered. */
const UNDER_WAY_MAX = 20_000;
const ENDED_MAX = 10_000;
/** Our open lies before the end of its scan, so its event is in the queue by then; it may be read a little later. */
const EVENT_LATE_MAX_MS = 1_000;

interface UnderWay {
  /** Of the memory of clean versions, when it was told of: what is judged under an older one does not hold. */
  readonly generation: number;
  /** We may have opened it already. */
  isOpened: boolean;
  /** Somebody has written or replaced it meanwhile. */
  isChanged: boolean;
}

/** Which files are to be scanned, are being scanned or have just been, so that our own opens are not taken for others'. */
export class OwnScans {
  readonly #nowMs: () => number;
  readonly #underWay = new Map<string, UnderWay>();
  /** Until when opens of these paths are ours; in the order of those times. */
  readonly #endedUntilMs = new Map<string, number>();

  /** @param nowMs - monotonic */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** It will be scanned some time. */
  expect(path: string, generation: number): UnderWay | undefined {
    const known = this.#underWay.get(path);
    if (known !== undefined || this.#underWay.size >= UNDER_WAY_MAX) return known;
    const scan = { generation, isOpened: false, isChanged: false };
    this.#underWay.set(path, scan);
    return scan;
  }

  /** It is opened by us now, expected or not. */
  begin(path: string, generation: number): void {
    const scan = this.expect(path, generation);
    if (scan !== undefined) scan.isOpened = true;
  }

  /** @returns what is known of the scan that ended, if anything */
  end(path: string, isClean: boolean): Readonly<UnderWay> | undefined {
    const scan = this.#underWay.get(path);
    this.#underWay.delete(path);
    if (scan?.isOpened === true && !isClean) this.#noteEnded(path);
    return scan;
  }

  /** Whether an event tells nothing new about a file: it was our own open, or its scan is yet to come or under way. */
  explains(path: string, isOpen: boolean): boolean {
    const scan = this.#underWay.get(path);
    if (scan === undefined) return isOpen && (this.#endedUntilMs.get(path) ?? -Infinity) >= this.#nowMs();
    // Before it is opened, the scan is of what it is by then.
    if (!isOpen && scan.isOpened) scan.isChanged = true;
    return true;
  }

  #noteEnded(path: string): void {
    const nowMs = this.#nowMs();
    this.#endedUntilMs.delete(path);
    this.#endedUntilMs.set(path, nowMs + EVENT_LATE_MAX_MS);
    for (const [oldest, untilMs] of this.#endedUntilMs) {
      if (untilMs >= nowMs && this.#endedUntilMs.size <= ENDED_MAX) return;
      this.#endedUntilMs.delete(oldest);
    }
  }
}
