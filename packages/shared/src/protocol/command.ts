/** What ends a `z` command and its replies (NUL), and what ends every other (LF). */
export type Terminator = '\0' | '\n';

/** How a command was written: `z` and `n` prefixed, or the old style without prefix (behaviour 1.2). */
export type Framing = 'z' | 'n' | 'old';

/**
 * Longest command clamd takes, in bytes, with prefix, argument and delimiter: PATH_MAX + 8 (behaviour 1.2).
 */
export const COMMAND_MAX_BYTES = 4104;

/** Every command name, in clamd's lookup order, which is also the order VERSIONCOMMANDS prints (behaviour 1.3). */
export const COMMAND_VERBS = [
  'SCAN',
  'QUIT',
  'RELOAD',
  'SELFCHECK',
  'PING',
  'CONTSCAN',
  'VERSIONCOMMANDS',
  'VERSION',
  'END',
  'SHUTDOWN',
  'MULTISCAN',
  'FILDES',
  'STATS',
  'IDSESSION',
  'INSTREAM',
  'DETSTATSCLEAR',
  'DETSTATS',
  'ALLMATCHSCAN',
] as const;

/** A command name. */
export type CommandVerb = (typeof COMMAND_VERBS)[number];

/** The commands that take a path. */
export type PathVerb = 'SCAN' | 'CONTSCAN' | 'MULTISCAN' | 'ALLMATCHSCAN';

/** The commands that take no argument. */
export type PlainVerb = Exclude<CommandVerb, PathVerb>;

/** One command as it came over the wire; the stream of INSTREAM and the descriptor of FILDES follow it. */
export type Command =
  | {
      readonly verb: PathVerb;
      /**
       * The argument's raw bytes, since a path need not be UTF-8 and replies echo it byte for byte.
       * May be empty; never holds a NUL. Nothing is trimmed or resolved (behaviour 1.3, 1.10).
       */
      readonly path: Buffer;
    }
  | { readonly verb: PlainVerb };

/** Whether `verb` takes a path. */
export function takesPath(verb: CommandVerb): verb is PathVerb {
  return verb === 'SCAN' || verb === 'CONTSCAN' || verb === 'MULTISCAN' || verb === 'ALLMATCHSCAN';
}

const SESSION_VERBS: ReadonlySet<CommandVerb> = new Set<CommandVerb>([
  'SCAN',
  'INSTREAM',
  'FILDES',
  'VERSION',
  'VERSIONCOMMANDS',
  'PING',
  'STATS',
  'END',
]);

/** Whether clamd takes `verb` between IDSESSION and END; any other ends the session (behaviour 1.6). */
export function allowedInSession(verb: CommandVerb): boolean {
  return SESSION_VERBS.has(verb);
}

/** What ends the replies to a command of this framing. */
export function terminatorOf(framing: Framing): Terminator {
  return framing === 'z' ? '\0' : '\n';
}
