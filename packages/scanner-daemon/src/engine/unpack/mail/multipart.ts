import { lineAt } from './mime-headers.js';
import type { Stretch } from './mailbox.js';

/** A part of a multipart, from behind its boundary line to the next one. */
export interface Part extends Stretch {
  /** What stands behind the last boundary: text without headers (observed). */
  readonly isEpilogue: boolean;
}

/** A file that has more is no mail; the rest of it is one part. */
const PARTS_MAX = 100_000;

/** The parts between the boundary lines; empty where there is none of them, or only the closing one. */
export function splitMultipart(
  bytes: Buffer,
  { start, end, boundary }: Stretch & { readonly boundary: string },
  mayContinue: () => boolean,
): readonly Part[] {
  const parts: Part[] = [];
  let open: { readonly start: number; readonly isEpilogue: boolean } | undefined;
  let from = start;
  while (parts.length < PARTS_MAX && mayContinue()) {
    const line = findBoundary(bytes, { start: from, end, boundary });
    if (line === undefined) break;
    if (open !== undefined) parts.push({ ...open, end: line.start });
    if (open !== undefined || !line.isClosing) open = { start: line.end, isEpilogue: line.isClosing };
    from = line.end;
  }
  if (open !== undefined) parts.push({ ...open, end });
  return parts;
}

interface BoundaryLine extends Stretch {
  readonly isClosing: boolean;
}

/** A line of `--`, the boundary in any case, perhaps `--`, and nothing but white space behind it (observed). */
function findBoundary(
  bytes: Buffer,
  { start, end, boundary }: Stretch & { readonly boundary: string },
): BoundaryLine | undefined {
  const wanted = boundary.trimEnd().toLowerCase();
  const body = bytes.subarray(0, end);
  for (let at = start; at < end;) {
    const dashes = body.indexOf('--', at, 'latin1');
    if (dashes === -1) return undefined;
    at = dashes + 1;
    if (!isLineStart(bytes, dashes)) continue;
    const line = lineAt(bytes, dashes, end);
    at = Math.max(at, line.end);
    if (line.end - dashes < wanted.length + 2) continue;
    const text = bytes
      .toString('latin1', dashes + 2, Math.min(line.end, dashes + wanted.length + 1002))
      .toLowerCase();
    if (!text.startsWith(wanted)) continue;
    const rest = text.slice(wanted.length).trimEnd();
    // Behind the two dashes of the last one anything may stand.
    if (rest === '' || rest.startsWith('--'))
      return { start: dashes, end: line.next, isClosing: rest !== '' };
  }
  return undefined;
}

function isLineStart(bytes: Buffer, at: number): boolean {
  const before = bytes[at - 1];
  return at === 0 || before === 0x0a || before === 0x0d;
}
