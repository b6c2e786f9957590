/** What was begun and has to be undone, last first: on the way out of a start that fails, and at the end. */
export class CleanUps {
  readonly #steps: { undo: () => unknown }[] = [];

  /** @returns puts another step in the place of this one */
  add(undo: () => unknown): (successor: () => unknown) => void {
    const step = { undo };
    this.#steps.push(step);
    return (successor) => {
      step.undo = successor;
    };
  }

  /** Undoes everything, whatever fails on the way. @throws the first failure, when all is done */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const { undo } of this.#steps.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
