const CHUNK_MAX_BYTES = 8191;

/** How many bytes {@link chunkLength} looks at. */
export const CHUNK_WINDOW_BYTES = CHUNK_MAX_BYTES + 1;

/**
 * How much of the window clamscan 1.4.6 works on at a time: 8,191 bytes, cut back behind the last white space
 * when the cut would fall into a word. It shows, because white space at the start of such a chunk is lost.
 */
export function chunkLength(window: Uint8Array): number {
  if (window.length <= CHUNK_MAX_BYTES) return window.length;
  if (isSpace(window[CHUNK_MAX_BYTES] ?? 0)) return CHUNK_MAX_BYTES;
  let length = CHUNK_MAX_BYTES;
  while (length > 0 && !isSpace(window[length - 1] ?? 0)) length -= 1;
  return length === 0 ? CHUNK_MAX_BYTES : length;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 9 && byte <= 13);
}
