import type { Watcher } from '../watch/watcher.js';
import type { CleanUps } from './clean-ups.js';

/** How often a protected place that is not there is looked for again. */
const RETRY_MISSING_MS = 3_000;

/** Looks again for what is missing, until it is undone. */
export function keepLookingForMissing(
  watcher: Pick<Watcher, 'retryMissing'>,
  begun: CleanUps,
  onFatal: (reason: unknown) => void,
): void {
  const retry = setInterval(() => {
    watcher.retryMissing().catch(onFatal);
  }, RETRY_MISSING_MS);
  begun.add(() => {
    clearInterval(retry);
  });
}
