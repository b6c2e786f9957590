import type { GateEvent } from './messages.js';

const ACTED_ON: ReadonlySet<GateEvent['kind']> = new Set([
  'ready',
  'groupReleased',
  'stopped',
  'databaseChanged',
  'queueOverflow',
]);

/**
 * What the main thread acts on, as against what it only logs and may miss when it is behind. Of detections those that bring a
 * descriptor, which nobody else would close; there are only so many of them (`hand-over.ts`), while an opener may cause others
 * without end.
 */
export function mustArrive(event: GateEvent): boolean {
  if (event.kind === 'detection')
    return event.detection.judged !== undefined && event.detection.judged.fd >= 0;
  return ACTED_ON.has(event.kind);
}
