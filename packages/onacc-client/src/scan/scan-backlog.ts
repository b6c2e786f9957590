/** A queue from whose head is taken at no cost that grows with its length, and where something may be put back at the head. */
export class ScanBacklog<Item> {
  #items: Item[] = [];
  /** What lies before it has been taken. */
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    // Each item is moved once for each that was taken, at most.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Before all others, in this order. */
  putBack(items: readonly Item[]): void {
    if (items.length <= this.#head) {
      this.#head -= items.length;
      for (const [index, item] of items.entries()) this.#items[this.#head + index] = item;
    } else {
      this.#items = [...items, ...this.#items.slice(this.#head)];
      this.#head = 0;
    }
  }

  /** Takes those out that match; the others stay in their order. */
  takeWhere(matches: (item: Item) => boolean): Item[] {
    const taken: Item[] = [];
    const left: Item[] = [];
    for (const item of this.#items.slice(this.#head)) (matches(item) ? taken : left).push(item);
    if (taken.length > 0) [this.#items, this.#head] = [left, 0];
    return taken;
  }

  takeAll(): Item[] {
    const taken = this.#items.slice(this.#head);
    [this.#items, this.#head] = [[], 0];
    return taken;
  }
}
