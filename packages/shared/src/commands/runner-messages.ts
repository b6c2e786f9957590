import type { BoundedCommand } from './bounded-command.js';
import type { CommandEnd, CommandLimits } from './command-process.js';

/** All that crosses from a program to its command runner. */
export type RunnerRequest =
  | {
      readonly kind: 'start';
      readonly id: number;
      readonly command: BoundedCommand;
      readonly limits: CommandLimits;
    }
  /** Ends a command as its timeout would. */
  | { readonly kind: 'terminate'; readonly id: number };

/** All that comes back. */
export type RunnerReport =
  /** First of all: it is who it should be, and serves. */
  | { readonly kind: 'ready' }
  /** One for each start. */
  | {
      readonly kind: 'ended';
      readonly id: number;
      readonly pid: number | undefined;
      readonly end: CommandEnd;
    };
