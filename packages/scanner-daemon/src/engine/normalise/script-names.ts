import type { ScriptToken } from './script-tokens.js';

/** Functions within functions: deeper ones share the names of their parent. */
const SCOPES_MAX = 64;

/** What the words of a script are called instead: `n000`, `n001` and so on for everything that it declares (observed). */
export class ScriptNames {
  readonly #scopes: Map<string, string>[] = [new Map<string, string>()];
  /** For each open function the depth of braces at which it ends. */
  readonly #functionEnds: number[] = [];
  #next = 0;
  #braces = 0;
  /** Brackets and braces since `var`; undefined outside of such a declaration. */
  #declarationDepth: number | undefined;
  #isNameWanted = false;
  #function: 'none' | 'name' | 'head' | 'parameters' = 'none';

  /** Looks at the next piece, and renames it where it is a word that was declared. */
  take(token: ScriptToken, previous: ScriptToken | undefined): void {
    if (token.kind === 'word') this.#takeWord(token, previous);
    else if (token.kind === 'mark') this.#takeMark(token.text);
  }

  #takeWord(token: ScriptToken, previous: ScriptToken | undefined): void {
    const { text } = token;
    token.text = text.toLowerCase();
    if (token.text === 'function') {
      this.#function = 'name';
    } else if (token.text === 'var') {
      this.#declarationDepth = 0;
      this.#isNameWanted = true;
    } else if (previous?.kind === 'mark' && previous.text === '.') {
      return;
    } else if (this.#function === 'name' || this.#isNameWanted) {
      token.text = this.#declare(text);
      this.#isNameWanted = false;
      if (this.#function === 'name') this.#function = 'head';
    } else if (this.#function === 'parameters') {
      token.text = this.#declare(text);
    } else {
      token.text = this.#find(text) ?? token.text;
    }
  }

  #takeMark(mark: string): void {
    if (this.#function !== 'none') {
      this.#takeFunctionMark(mark);
      return;
    }
    if (mark === '{') this.#braces += 1;
    if (mark === '}') this.#closeBrace();
    if (this.#declarationDepth === undefined) return;
    if ('[{'.includes(mark)) this.#declarationDepth += 1;
    if (']}'.includes(mark)) this.#declarationDepth -= 1;
    if ((mark === ';' && this.#declarationDepth === 0) || this.#declarationDepth < 0)
      this.#declarationDepth = undefined;
    // A comma within parentheses counts too, and the next name may stand behind another one (observed).
    if (mark !== '(') this.#isNameWanted = mark === ',' && this.#declarationDepth === 0;
  }

  #takeFunctionMark(mark: string): void {
    if (mark === '(' && this.#function !== 'parameters') {
      if (this.#scopes.length < SCOPES_MAX) {
        this.#scopes.push(new Map());
        this.#functionEnds.push(this.#braces);
      }
      this.#function = 'parameters';
    } else if (mark === '{') {
      this.#function = 'none';
      this.#braces += 1;
      if (this.#declarationDepth !== undefined) this.#declarationDepth += 1;
    } else if (mark === ')') this.#function = 'head';
  }

  #closeBrace(): void {
    this.#braces -= 1;
    if (this.#functionEnds.at(-1) !== this.#braces) return;
    this.#functionEnds.pop();
    this.#scopes.pop();
  }

  #declare(name: string): string {
    const scope = this.#scopes.at(-1);
    const known = scope?.get(name);
    if (known !== undefined) return known;
    const made = `n${String(this.#next).padStart(3, '0')}`;
    this.#next += 1;
    scope?.set(name, made);
    return made;
  }

  #find(name: string): string | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index -= 1) {
      const found = this.#scopes[index]?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
