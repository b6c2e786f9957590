const SLASH = 0x2f;

/** A path as a client sent it, made ready (behaviour 1.10, first paragraph). */
export interface PathArgument {
  /** One leading slash, no trailing one. `.`, `..` and slashes inside stay. */
  readonly path: Buffer;
  /** Several leading slashes became one. */
  readonly collapsed: boolean;
}

export function cleanPathArgument(argument: Buffer): PathArgument {
  // A NUL ends a C string, and Node would refuse it.
  const nul = argument.indexOf(0);
  const text = nul === -1 ? argument : argument.subarray(0, nul);
  let start = 0;
  while (start + 1 < text.length && text[start] === SLASH && text[start + 1] === SLASH) start += 1;
  let end = text.length;
  while (end - start > 1 && text[end - 1] === SLASH) end -= 1;
  return { path: text.subarray(start, end), collapsed: start > 0 };
}

/** `directory/name`; the root directory brings its own slash. */
export function joinPath(directory: Buffer, name: Buffer): Buffer {
  const separator = directory.length === 1 && directory[0] === SLASH ? [] : [Buffer.of(SLASH)];
  return Buffer.concat([directory, ...separator, name]);
}
