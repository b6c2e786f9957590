import { FAILURE_CAUSES } from './policy/decide.js';
import type { Decision, FailureCause, FailurePolicy } from './policy/decide.js';

/** One row of the failure table. */
interface FailureAction {
  /** Unless `ONACC_ON_<CAUSE>` says otherwise. `policy`: what OnAccessDenyOnError says. */
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
  stopping: { decision: 'allow', meaning: 'the client was told to stop before the verdict came' },
};

/** What the configuration says about failures. */
export interface FailureChoices {
  /** OnAccessDenyOnError. */
  readonly denyOnError: boolean;
  /** `ONACC_ON_<CAUSE>`: goes before everything else; absent or undefined where it is not set. */
  readonly overrides?: Readonly<Partial<Record<FailureCause, Decision | undefined>>>;
}

/** The table with the configuration filled in. */
export function failurePolicy({ denyOnError, overrides = {} }: FailureChoices): FailurePolicy {
  const onError: Decision = denyOnError ? 'deny' : 'allow';
  const row = (cause: FailureCause): [FailureCause, Decision] => {
    const { decision } = FAILURE_ACTIONS[cause];
    return [cause, overrides[cause] ?? (decision === 'policy' ? onError : decision)];
  };
  // One row for each cause of the closed list, so the record is whole.
  return Object.fromEntries(FAILURE_CAUSES.map(row)) as Record<FailureCause, Decision>;
}
