const HEADER_BYTES = 512;
const CHECKSUM_OFFSET = 148;
const CHECKSUM_BYTES = 8;

/** True when the head is a tar header by its checksum alone: old tar files have no magic. */
export function hasTarChecksum(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES || head[0] === 0) return false;
  const stored = readOctal(head.subarray(CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_BYTES));
  if (stored === undefined) return false;
  let sum = CHECKSUM_BYTES * 0x20;
  for (let offset = 0; offset < HEADER_BYTES; offset += 1) sum += head[offset] ?? 0;
  for (let offset = 0; offset < CHECKSUM_BYTES; offset += 1) sum -= head[CHECKSUM_OFFSET + offset] ?? 0;
  return sum === stored;
}

function readOctal(field: Uint8Array): number | undefined {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(Buffer.from(field).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}
