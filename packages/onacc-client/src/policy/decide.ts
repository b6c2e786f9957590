import { assertNever } from '@portcullis/shared';
import type { ScanVerdict } from '@portcullis/shared';

/** What the kernel is told. */
export type Decision = 'allow' | 'deny';

/** Why an event needs no scan. */
export type SkipReason =
  'ownProcess' | 'daemonProcess' | 'notRegular' | 'empty' | 'outsideScope' | 'excludedUser' | 'cached';

/** Why there is no verdict to go by. The closed list that `failure-actions.ts` gives a decision for, one row each. */
export const FAILURE_CAUSES = [
  'tooLarge',
  'incomplete',
  'scanError',
  'timeout',
  'daemonDown',
  'overload',
  'internalError',
  'stopping',
] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];

/** How one event ended. */
export type Outcome =
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'clean' }
  | { readonly kind: 'infected'; readonly signatureName: string }
  | { readonly kind: 'failed'; readonly cause: FailureCause };

export function skipped(reason: SkipReason): Outcome {
  return { kind: 'skipped', reason };
}

export function failed(cause: FailureCause): Outcome {
  return { kind: 'failed', cause };
}

// Made once: they are compared by identity, and millions of opens end in them.
export const OWN_PROCESS = skipped('ownProcess');
export const DAEMON_PROCESS = skipped('daemonProcess');
export const OUTSIDE_SCOPE = skipped('outsideScope');
export const EXCLUDED_USER = skipped('excludedUser');
export const CACHED = skipped('cached');

/** The failure rows, one decision each. */
export type FailurePolicy = Readonly<Record<FailureCause, Decision>>;

/** The whole policy: outcome in, decision out. Pure, and tested as a truth table. */
export function decide(outcome: Outcome, failurePolicy: FailurePolicy): Decision {
  switch (outcome.kind) {
    case 'skipped':
    case 'clean':
      return 'allow';
    case 'infected':
      return 'deny';
    case 'failed':
      return failurePolicy[outcome.cause];
    default:
      return assertNever(outcome);
  }
}

/** What a verdict means for the event that waits for it. */
export function outcomeOfVerdict(verdict: ScanVerdict): Outcome {
  switch (verdict.kind) {
    case 'clean':
      return { kind: 'clean' };
    case 'infected':
      return { kind: 'infected', signatureName: verdict.signatureNames[0] };
    case 'incomplete':
      return { kind: 'failed', cause: 'incomplete' };
    case 'failed':
      return { kind: 'failed', cause: 'scanError' };
    default:
      return assertNever(verdict);
  }
}
