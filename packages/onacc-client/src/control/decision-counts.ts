import { FAILURE_CAUSES } from '../policy/decide.js';
import type { DecisionCounts } from './status-snapshot.js';

const SKIPPED = 'skipped';

/** Whether a gate counter stands for a reason by which an open was decided. */
export function isDecidingCounter(name: string): boolean {
  return name === 'clean' || name === 'infected' || name === 'cacheHits' || isFailureOrSkip(name);
}

/** Sorts what the gates count into decisions and their reasons. */
export function decisionCounts(counters: Readonly<Record<string, number>>): DecisionCounts {
  const deciding = Object.entries(counters).filter(([name]) => isDecidingCounter(name));
  const decided = deciding.reduce((sum, [, count]) => sum + count, 0);
  const denied = counters['denied'] ?? 0;
  return {
    // The counters are read while the gates go on counting, so that the sum may lag behind.
    allowed: Math.max(0, decided - denied),
    denied,
    byReason: Object.fromEntries(deciding),
  };
}

function isFailureOrSkip(name: string): boolean {
  return name.startsWith(SKIPPED) || FAILURE_CAUSES.some((cause) => cause === name);
}
