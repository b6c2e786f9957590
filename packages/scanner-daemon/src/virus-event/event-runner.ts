import { CommandRunner } from '@portcullis/shared';
import type { Account } from '../process/account.js';
import { giveBackPriority } from '../process/priorities.js';
import { accountArguments, RUNNER_REFUSED } from './runner-account.js';

/** Who and where the runner is, and its commands with it. */
export interface EventRunnerOptions {
  /** -20 to 19: not that of the main thread. */
  readonly niceValue: number;
  /** Whom the runner becomes for good before it serves; undefined: whoever forks it. */
  readonly account?: Account | undefined;
  /** Undefined: that of the daemon when it forks. */
  readonly workingDirectory?: string | undefined;
  /** 'ignore' when somebody waits for the end of the daemon's own; 'inherit' otherwise. */
  readonly stderr?: 'inherit' | 'ignore' | undefined;
}

/** The process that starts VirusEvent commands in the daemon's place, as the account of User. */
export function openEventRunner({
  niceValue,
  account,
  workingDirectory,
  stderr,
}: EventRunnerOptions): CommandRunner {
  return new CommandRunner({
    module: new URL('./runner-process.js', import.meta.url),
    args: accountArguments(account),
    workingDirectory,
    stderr,
    onForked: (pid) => {
      giveBackPriority(pid, niceValue);
    },
    explainExit: (code) =>
      code === RUNNER_REFUSED ? 'the event runner could not become the account of User for good' : undefined,
  });
}
