import type { Decision, FailureCause, FailurePolicy } from './policy/decide.js';

/** One row of the failure table. */
interface FailureAction {
  /** `policy`: what OnAccessDenyOnError says. */
  readonly decision: Decision | 'policy';
  /** For the log and for whoever reads it at night. */
  readonly meaning: string;
}

/** What a failure does: the one place that says so. Each cause is also a counter of the same name. */
export const FAILURE_ACTIONS: Readonly<Record<FailureCause, FailureAction>> = {
  tooLarge: { decision: 'allow', meaning: 'the file is larger than OnAccessMaxFileSize and was not scanned' },
  incomplete: { decision: 'policy', meaning: 'a limit ended the scan before everything was looked at' },
  scanError: { decision: 'policy', meaning: 'the daemon could not scan the file' },
  timeout: { decision: 'policy', meaning: 'no verdict came within the deadline (OnAccessCurlTimeout)' },
  daemonDown: { decision: 'policy', meaning: 'the daemon is away' },
  overload: { decision: 'policy', meaning: 'more opens wait than there are descriptors for' },
  internalError: { decision: 'policy', meaning: 'the client itself failed on this event' },
};

/** The table with OnAccessDenyOnError filled in. */
export function failurePolicy(denyOnError: boolean): FailurePolicy {
  const onError: Decision = denyOnError ? 'deny' : 'allow';
  const decisionOf = (cause: FailureCause): Decision => {
    const { decision } = FAILURE_ACTIONS[cause];
    return decision === 'policy' ? onError : decision;
  };
  return {
    tooLarge: decisionOf('tooLarge'),
    incomplete: decisionOf('incomplete'),
    scanError: decisionOf('scanError'),
    timeout: decisionOf('timeout'),
    daemonDown: decisionOf('daemonDown'),
    overload: decisionOf('overload'),
    internalError: decisionOf('internalError'),
  };
}
