import { PcreSyntaxError } from './pcre-syntax.js';

/** A place in the text of an expression (latin1: one code unit a byte). */
export class PatternCursor {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.position >= this.#text.length;
  }

  /** The next character without taking it; empty at the end. */
  peek(ahead = 0): string {
    return this.#text.charAt(this.position + ahead);
  }

  /** Takes one character. */
  next(): string {
    if (this.isAtEnd) throw new PcreSyntaxError('the expression ends too early');
    return this.#text.charAt(this.position++);
  }

  /** Takes `text` if it comes next. */
  take(text: string): boolean {
    if (!this.#text.startsWith(text, this.position)) return false;
    this.position += text.length;
    return true;
  }

  /** Takes what the sticky expression finds here. */
  takeMatch(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.position;
    const found = sticky.exec(this.#text);
    if (found === null) return undefined;
    this.position += found[0].length;
    return found;
  }

  /** Takes everything before `end`, and `end`. */
  takeUntil(end: string): string {
    const at = this.#text.indexOf(end, this.position);
    if (at < 0) throw new PcreSyntaxError(`"${end}" is missing`);
    const taken = this.#text.slice(this.position, at);
    this.position = at + end.length;
    return taken;
  }
}
