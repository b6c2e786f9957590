/** With fewer gates free than that another one is wanted: one reads, one relieves it. */
const FREE_MIN = 2;
/**
 * With so many free, and no more to be started, it is said that gates run out: marking a group that cannot block them takes
 * a while, in which more of them may get stuck. At most; of few gates a quarter.
 */
const RESERVE_MAX = 3;
/** A gate that takes longer to start may itself be waiting for one: it is not counted on any more. */
const START_MAX_MS = 2_000;
/** Gates have to be free for so long before it is said: what blocked them once may do so again. */
const CALM_MS = 10_000;

/** What is to be done about the number of gates. */
export type GrowthStep = 'start' | 'exhausted' | 'free' | 'none';

/**
 * Watches how many gates are free, which is to say not stuck in a turn. Each leased file and each hung filesystem takes one
 * away until it lets go; without further ones, three such files would stop every open on the machine.
 */
export class GateGrowth {
  readonly #gatesMax: number;
  readonly #reserve: number;
  #startingSinceMs: number | undefined;
  #calmSinceMs: number | undefined;
  #exhausted = false;

  constructor(gatesMax: number) {
    this.#gatesMax = gatesMax;
    this.#reserve = Math.max(1, Math.min(RESERVE_MAX, Math.floor(gatesMax / 4)));
  }

  /**
   * @param started - gates that have been started, ready or not
   * @param free - of those that are ready, how many are not stuck
   * @param nowMs - monotonic
   */
  look({ started, free, nowMs }: { started: number; free: number; nowMs: number }): GrowthStep {
    if (free < FREE_MIN && this.#startingSinceMs === undefined && started < this.#gatesMax) {
      this.#calmSinceMs = undefined;
      this.#startingSinceMs = nowMs;
      return 'start';
    }
    if (this.#isShort(started, free, nowMs)) {
      this.#calmSinceMs = undefined;
      return this.#say('exhausted', true);
    }
    this.#calmSinceMs ??= nowMs;
    return nowMs - this.#calmSinceMs >= CALM_MS ? this.#say('free', false) : 'none';
  }

  #isShort(started: number, free: number, nowMs: number): boolean {
    if (this.#startingSinceMs === undefined) return started >= this.#gatesMax && free <= this.#reserve;
    // The one that is starting will be free, unless it hangs.
    return nowMs - this.#startingSinceMs >= START_MAX_MS && free < FREE_MIN;
  }

  /** The gate that was asked for is there. */
  onStarted(): void {
    this.#startingSinceMs = undefined;
  }

  /** Each of the two is said once, until the other one is. */
  #say(step: 'exhausted' | 'free', exhausted: boolean): GrowthStep {
    if (this.#exhausted === exhausted) return 'none';
    this.#exhausted = exhausted;
    return step;
  }
}
