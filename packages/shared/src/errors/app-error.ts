/**
 * The base of every failure that a user or operator can meet. Programmer mistakes stay plain `Error`s.
 *
 * Match on {@link AppError.code}, never on the message. Outcomes (infected, limit reached, malformed input)
 * are values, not errors.
 */
export abstract class AppError<Code extends string = string> extends Error {
  /** Stable and part of the public contract. */
  readonly code: Code;
  /** What went with it: paths, limits, numbers with their unit in the key. Never bytes of content. */
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(
    code: Code,
    message: string,
    options: { cause?: unknown; context?: Readonly<Record<string, string | number | boolean>> } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.context = options.context ?? {};
  }
}
