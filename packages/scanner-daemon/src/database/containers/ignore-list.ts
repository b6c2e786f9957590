import { createHash } from 'node:crypto';

/** Which signatures are left out, by `.ign` and `.ign2` files. */
export class IgnoreList {
  /** Ignored wherever they stand. */
  readonly #names = new Set<string>();
  /** By name: the MD5 of the lines that are ignored. */
  readonly #lines = new Map<string, Set<string>>();

  get isEmpty(): boolean {
    return this.#names.size === 0 && this.#lines.size === 0;
  }

  /**
   * Takes one line (ClamAV manual, "Allow list"): `name`, `name:md5 of the line`, or `file:number:name`, of which clamd
   * looks at the name alone. Both extensions take all three (observed).
   *
   * @returns whether it is one of them.
   */
  addLine(line: string): boolean {
    const fields = line.split(':');
    const [first = '', second = '', third = ''] = fields;
    switch (fields.length) {
      case 1:
        return this.#addName(first);
      case 2:
        return this.#addSignatureLine(first, second);
      case 3:
        return this.#addName(third);
      default:
        return false;
    }
  }

  /** Whether a signature of this name is left out. @param line its bytes without the line end. */
  has(name: string, line: Uint8Array): boolean {
    if (this.#names.has(name)) return true;
    const digests = this.#lines.get(name);
    return digests?.has(createHash('md5').update(line).digest('hex')) ?? false;
  }

  /** The same for `.cdb` and others whose lines clamd compares by name alone (observed). */
  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  #addName(name: string): boolean {
    if (name === '') return false;
    this.#names.add(name);
    return true;
  }

  #addSignatureLine(name: string, md5: string): boolean {
    // clamd takes a name of one or two characters only without an MD5 (observed).
    if (name.length < 3 || !/^[0-9a-fA-F]{32}$/.test(md5)) return false;
    const digests = this.#lines.get(name) ?? new Set();
    this.#lines.set(name, digests.add(md5.toLowerCase()));
    return true;
  }
}
