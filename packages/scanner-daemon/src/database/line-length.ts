/**
 * clamd reads lines through a buffer of 8192 bytes (observed): this is the most that fits before a line feed, and one more
 * fits without. What is longer goes on as a line of its own, which is then malformed. Logical signatures have
 * a larger one.
 */
export const LINE_MAX_BYTES = 8190;
