import type { ScanBudget } from '../../scan-budget.js';

/** About as much work as one MiB of filtering. */
const UNITS_BETWEEN_CHECKS = 1 << 20;

/** Turns work inside the matcher's loops (roughly, bytes compared) into looks at the budget's clock. */
export class WorkMeter {
  readonly #budget: ScanBudget;
  #units = 0;
  #isStopped = false;

  constructor(budget: ScanBudget) {
    this.#budget = budget;
  }

  /** Whether the budget has ended the scan; loops give up, and what they found so far stands. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Notes work done. Looks at the clock every {@link UNITS_BETWEEN_CHECKS} units. */
  spend(units: number): void {
    this.#units += units;
    if (this.#units >= UNITS_BETWEEN_CHECKS) this.check();
  }

  /** Looks at the clock now. */
  check(): void {
    this.#units = 0;
    if (!this.#budget.mayContinue()) this.#isStopped = true;
  }
}
