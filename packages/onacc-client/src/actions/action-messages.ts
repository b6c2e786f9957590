import type { ActionResult, JudgedFile } from './judged-file.js';
import type { RealAction } from './perform-action.js';

/** What the action thread is started with. */
export interface ActionThreadStart {
  readonly action: RealAction;
  /** How long the thread itself goes on with one file. */
  readonly timeLimitMs: number;
  /** One Int32: 1 = come to an end with the file in hand. */
  readonly stopMemory: SharedArrayBuffer;
}

/** Main thread → action thread. */
export type ActionCommand =
  /** Its descriptor is lent until the answer. */
  | { readonly kind: 'act'; readonly judged: JudgedFile }
  /** Nothing more will come: end. */
  | { readonly kind: 'end' };

/** Action thread → main thread: one for each `act`, in that order. */
export interface ActionAnswer {
  readonly result: ActionResult;
}
