/** What a program takes on its command line. */
export interface OptionGrammar {
  readonly long: readonly LongForm[];
  /** One letter each, and the long form that it stands for. */
  readonly short: ReadonlyMap<string, string>;
}

/** A long option, without its dashes. */
export interface LongForm {
  readonly longName: string;
  /** False: it may stand alone or take `=value`. */
  readonly needsValue: boolean;
  /** True: it must be written out in full. */
  readonly noAbbreviation?: boolean;
}

/** One option as it was given. */
export interface ParsedOption {
  readonly longName: string;
  readonly text: string | undefined;
}

export type ParsedArguments =
  | { readonly kind: 'options'; readonly options: readonly ParsedOption[] }
  | {
      readonly kind: 'unknownOption' | 'missingArgument';
      /** getopt_long(3)'s own words, without the program's name. */
      readonly message: string;
    };

/**
 * Reads a command line as getopt_long(3) does: abbreviations of long options as long as they are unambiguous, short
 * ones in one word, options and operands in any order, operands ignored, `--` ends the options (behaviour 2.1).
 */
export function parseArguments(args: readonly string[], grammar: OptionGrammar): ParsedArguments {
  const options: ParsedOption[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined && word !== '--'; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-') continue;
    const given = word.startsWith('--') ? readLong(word, rest, grammar) : readShort(word, rest, grammar);
    if (given.kind !== 'options') return given;
    options.push(...given.options);
  }
  return { kind: 'options', options };
}

/** @param rest the words behind; the value is taken from it where it is not in the word itself. */
function readLong(word: string, rest: string[], { long }: OptionGrammar): ParsedArguments {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const candidates = long.filter(({ longName, noAbbreviation }) =>
    noAbbreviation === true ? longName === name : longName.startsWith(name),
  );
  const form = candidates.find(({ longName }) => longName === name) ?? candidates[0];
  if (form === undefined) return { kind: 'unknownOption', message: `unrecognized option \`${word}'` };
  if (candidates.length > 1 && form.longName !== name) {
    return { kind: 'unknownOption', message: `option \`${word}' is ambiguous` };
  }
  const { longName, needsValue } = form;
  const text = equals === -1 ? (needsValue ? rest.shift() : undefined) : word.slice(equals + 1);
  if (needsValue && text === undefined) {
    return { kind: 'missingArgument', message: `option \`--${longName}' requires an argument` };
  }
  return { kind: 'options', options: [{ longName, text }] };
}

function readShort(word: string, rest: string[], { long, short }: OptionGrammar): ParsedArguments {
  const options: ParsedOption[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const letter = word.charAt(at);
    const longName = short.get(letter);
    if (longName === undefined) return { kind: 'unknownOption', message: `illegal option -- ${letter}` };
    const needsValue = long.some((form) => form.longName === longName && form.needsValue);
    if (!needsValue) {
      options.push({ longName, text: undefined });
      continue;
    }
    const text = at + 1 < word.length ? word.slice(at + 1) : rest.shift();
    if (text === undefined) {
      return { kind: 'missingArgument', message: `option requires an argument -- ${letter}` };
    }
    options.push({ longName, text });
    break;
  }
  return { kind: 'options', options };
}
