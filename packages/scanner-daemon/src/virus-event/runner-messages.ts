import type { EventCommand } from './event-command.js';
import type { EventEnd, EventProcessLimits } from './event-process.js';

/** All that crosses from the daemon to its event runner. */
export type RunnerRequest =
  | {
      readonly kind: 'start';
      readonly id: number;
      readonly command: EventCommand;
      readonly limits: EventProcessLimits;
    }
  /** Ends a command as its timeout would. */
  | { readonly kind: 'terminate'; readonly id: number };

/** All that comes back. */
export type RunnerReport =
  /** First of all: it is who it should be, and serves. */
  | { readonly kind: 'ready' }
  /** One for each start. */
  | { readonly kind: 'ended'; readonly id: number; readonly pid: number | undefined; readonly end: EventEnd };
