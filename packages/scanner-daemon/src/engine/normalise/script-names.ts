import type { ScriptToken } from './script-tokens.js';

/** Functions within functions: deeper ones share the names of their parent. */
const SCOPES_MAX = 64;

/** What a function, or the script as a whole, declares. */
interface Scope {
  readonly parent: Scope | undefined;
  /** The number of a name: of several declarations the last one counts, also for words before it (observed). */
  readonly numbers: Map<string, number>;
  /** Braces and brackets that are open in it. */
  braces: number;
  brackets: number;
  /** Behind `var`, until a semicolon outside of braces. */
  isDeclaring: boolean;
  /** The next word is declared, whatever marks stand before it. */
  isNameWanted: boolean;
}

/** A word that may have been declared. */
interface NamedWord {
  readonly token: ScriptToken;
  readonly name: string;
  readonly scope: Scope;
}

function newScope(parent?: Scope): Scope {
  return {
    parent,
    numbers: new Map(),
    braces: 0,
    brackets: 0,
    isDeclaring: false,
    isNameWanted: false,
  };
}

/**
 * What the words of a script are called instead: `n000`, `n001` and so on for everything that it declares, and small
 * letters for all else. All rules were observed.
 */
export class ScriptNames {
  readonly #words: NamedWord[] = [];
  #scope = newScope();
  #depth = 1;
  #next = 0;
  #function: 'none' | 'name' | 'head' | 'parameters' = 'none';

  /** Looks at the next piece. */
  take(token: ScriptToken, previous: ScriptToken | undefined): void {
    if (token.kind === 'mark') this.#takeMark(token.text);
    else if (token.kind === 'word') this.#takeWord(token, previous);
  }

  /** Renames the words, once all pieces were seen. */
  finish(): void {
    for (const { token, name, scope } of this.#words) {
      const number = numberOf(name, scope);
      if (number !== undefined) token.text = calledBy(number);
    }
  }

  #takeWord(token: ScriptToken, previous: ScriptToken | undefined): void {
    const name = token.text;
    token.text = name.toLowerCase();
    if (token.text === 'function') {
      this.#function = 'name';
      this.#open();
      return;
    }
    if (token.text === 'var') {
      this.#scope.isDeclaring = true;
      this.#scope.isNameWanted = true;
      this.#function = 'none';
      return;
    }
    if (previous?.kind === 'mark' && previous.text === '.') return;
    const scope = this.#scope;
    if (this.#function === 'name' || scope.isNameWanted) {
      // A word without letters is called something here, but not elsewhere.
      if (name === '') token.text = calledBy(this.#next);
      else scope.numbers.set(name, this.#next);
      this.#next += 1;
      scope.isNameWanted = false;
      if (this.#function === 'name') this.#function = 'head';
    }
    if (name !== '') this.#words.push({ token, name, scope });
  }

  #takeMark(mark: string): void {
    if (this.#function !== 'none') {
      this.#takeFunctionMark(mark);
      return;
    }
    const scope = this.#scope;
    if (mark === '{') scope.braces += 1;
    else if (mark === '}') this.#closeBrace();
    else if (mark === '[' && scope.isDeclaring && !scope.isNameWanted) scope.brackets += 1;
    else if (mark === ']') scope.brackets = Math.max(scope.brackets - 1, 0);
    else if (scope.isDeclaring && scope.braces + scope.brackets === 0) {
      if (mark === ',') scope.isNameWanted = true;
      if (mark === ';') {
        scope.isDeclaring = false;
        scope.isNameWanted = false;
      }
    }
  }

  #takeFunctionMark(mark: string): void {
    const scope = this.#scope;
    if (mark === '(') {
      this.#function = 'parameters';
      scope.isNameWanted = true;
    } else if (mark === '{') {
      this.#function = 'none';
      scope.isNameWanted = false;
      scope.braces += 1;
    } else if (mark === ',' && this.#function === 'parameters') scope.isNameWanted = true;
    else if (mark === ')') {
      this.#function = 'head';
      scope.isNameWanted = false;
    }
  }

  #open(): void {
    if (this.#depth === SCOPES_MAX) return;
    this.#depth += 1;
    this.#scope = newScope(this.#scope);
  }

  #closeBrace(): void {
    const scope = this.#scope;
    scope.braces = Math.max(scope.braces - 1, 0);
    if (scope.braces > 0 || scope.parent === undefined) return;
    this.#depth -= 1;
    this.#scope = scope.parent;
  }
}

function calledBy(number: number): string {
  return `n${String(number).padStart(3, '0')}`;
}

function numberOf(name: string, innermost: Scope): number | undefined {
  for (let scope: Scope | undefined = innermost; scope !== undefined; scope = scope.parent) {
    const number = scope.numbers.get(name);
    if (number !== undefined) return number;
  }
  return undefined;
}
