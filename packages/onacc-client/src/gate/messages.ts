import type { FailureCause, FailurePolicy } from '../policy/decide.js';

/** What a gate thread is started with. Everything here crosses the thread line once. */
export interface GateStart {
  readonly gate: number;
  readonly gates: number;
  readonly slotsPerGate: number;
  readonly slotMemory: SharedArrayBuffer;
  readonly dutyMemory: SharedArrayBuffer;
  readonly counterMemory: SharedArrayBuffer;
  /** Messages sent to the main thread and not yet taken: {@link GateEvent}s are dropped above a bound. */
  readonly outstandingMemory: SharedArrayBuffer;
  readonly settings: GateSettings;
}

/** What a gate decides by. Plain data. */
export interface GateSettings {
  readonly ownPid: number;
  /** Permission events are answered; otherwise the events only tell. */
  readonly prevention: boolean;
  readonly failurePolicy: FailurePolicy;
  readonly excludedUids: readonly number[];
  /** OnAccessMaxFileSize in bytes, `Infinity` for no limit. */
  readonly maxFileBytes: number;
  /** How long an open may wait for its answer. */
  readonly deadlineMs: number;
  readonly cacheEntriesMax: number;
  /** Whether clean files that no untrusted user can write to are also cached in the kernel. */
  readonly kernelCache: boolean;
  readonly socketPath: string;
  readonly scansInFlightMax: number;
  /** How long the gate waits awake for a single answer; 0 = not at all. */
  readonly spinMaxMs: number;
  /** A turn of the gate on duty that lasts so long has it relieved by another gate. */
  readonly stuckAfterMs: number;
}

/** Main thread → gate. */
export type GateCommand =
  /** Another fanotify group to read; borrowed until the gate says `groupReleased` or stops. */
  | { readonly kind: 'addGroup'; readonly group: number }
  /** It has had no marks for longer than any open waits: let go of it. */
  | { readonly kind: 'releaseGroup'; readonly group: number }
  /** Answer everything, close everything, end. */
  | { readonly kind: 'stop' };

/** Gate → main thread. Never waited for by the gate. */
export type GateEvent =
  /** Everything is loaded: from here on the gate opens nothing. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'daemonUp'; readonly pid: number }
  | { readonly kind: 'daemonDown'; readonly reason: string }
  | { readonly kind: 'databaseChanged' }
  | { readonly kind: 'detection'; readonly detection: Detection }
  | { readonly kind: 'failure'; readonly cause: FailureCause; readonly path: string; readonly pid: number }
  | { readonly kind: 'takeover'; readonly from: number }
  | { readonly kind: 'noDescriptor'; readonly errno: number; readonly pid: number }
  | { readonly kind: 'queueOverflow' }
  | { readonly kind: 'trouble'; readonly message: string }
  | { readonly kind: 'groupReleased'; readonly group: number }
  | { readonly kind: 'stopped' };

/** Somebody opened an infected file. Facts are read while the opener waits, so they are about the right process. */
export interface Detection {
  readonly path: string;
  readonly signatureName: string;
  readonly pid: number;
  /** Empty where the process could not be asked. */
  readonly executable: string;
  /** -1 where the process could not be asked. */
  readonly uid: number;
  readonly decision: 'allow' | 'deny' | 'notified';
}
