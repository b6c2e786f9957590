import type { FailureCause, FailurePolicy } from '../policy/decide.js';
import type { Endpoint, Transfer } from '../scan/endpoint.js';
import type { FileKey } from './file-key.js';

/** What a gate thread is started with. Everything here crosses the thread line once. */
export interface GateStart {
  readonly gate: number;
  /** As many as may ever be started; all the memory is laid out for them. */
  readonly gatesMax: number;
  readonly slotsPerGate: number;
  readonly slotMemory: SharedArrayBuffer;
  readonly dutyMemory: SharedArrayBuffer;
  readonly counterMemory: SharedArrayBuffer;
  /** Messages sent to the main thread and not yet taken: {@link GateEvent}s are dropped above a bound. */
  readonly outstandingMemory: SharedArrayBuffer;
  readonly handOverMemory: SharedArrayBuffer;
  /** Undefined: no files are held by leases. */
  readonly leaseMemory: SharedArrayBuffer | undefined;
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
  /** `major:minor` of the devices whose clean files may be held by leases (`lease-devices.ts`). */
  readonly leaseDevices?: readonly string[];
  readonly endpoint: Endpoint;
  readonly transfer: Transfer;
  /** StreamMaxLength: what is longer is not sent as a stream. */
  readonly streamMaxBytes: number;
  readonly scansInFlightMax: number;
  /** How long the daemon waits for the next command of a session (behaviour 1.6); absent: not known. */
  readonly commandReadTimeoutMs?: number;
  /** How long the gate waits awake for a single answer; 0 = not at all. */
  readonly spinMaxMs: number;
  /** A turn of the gate on duty that lasts so long has it relieved by another gate. */
  readonly stuckAfterMs: number;
  /** Undefined: whatever the kernel asks about is judged. */
  readonly scope?: ScopeSettings | undefined;
  /** OnAccessExtraScanning: files closed after writing are scanned too; there is nobody to answer. */
  readonly extraScanning: boolean;
  /** OnAccessRetryAttempts: how often a scan that failed is tried again while its deadline lasts. */
  readonly retryAttempts: number;
  /** The descriptor of an infected file goes to the main thread, which has something to do with it. */
  readonly handOverInfected: boolean;
  /** No failure ever keeps root from a file that only root can write to: under marks of whole mounts these run the machine. */
  readonly lifeline: boolean;
}

/** The part of a marked mount or filesystem that is protected. */
export interface ScopeSettings {
  /** Directories, absolute and normalised; empty: everything. */
  readonly include: readonly string[];
  /** OnAccessExcludePath as written; checked by the main thread before the gates are started. */
  readonly exclude: readonly string[];
  /** Directories left out by their exact path: the --exclude-list's, the daemon's temporary directory. */
  readonly excludeExactly?: readonly string[];
}

/** Main thread → gate. */
export type GateCommand =
  /** Another fanotify group to read; borrowed until the gate says `groupReleased` or stops. */
  | { readonly kind: 'addGroup'; readonly group: number; readonly nonBlocking: boolean }
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
  | { readonly kind: 'stopped' }
  /** So many gates were stuck that another one was started. Told by {@link Gates}, as the two below. */
  | { readonly kind: 'gateStarted'; readonly gates: number }
  /** A single gate is left and no more may be started: the kernel has to refuse what would block. */
  | { readonly kind: 'gatesExhausted' }
  /** Gates have been free again for a while. */
  | { readonly kind: 'gatesFree' };

/** Somebody opened an infected file, or has written one. Path, executable and uid are read while the opener waits, so they are about the right process. */
export interface Detection {
  readonly path: string;
  readonly signatureName: string;
  readonly pid: number;
  /** Empty where the process could not be asked. */
  readonly executable: string;
  /** Arguments with blanks between them, at most 4,096 characters; asked after the answer, empty where the process is gone. */
  readonly commandLine: string;
  /** Path of the control group, at most 1,024 characters; asked after the answer. */
  readonly cgroup: string;
  /** The container's id, 64 hexadecimal digits; empty outside of one. */
  readonly container: string;
  /** -1 where the process could not be asked. */
  readonly uid: number;
  readonly decision: 'allow' | 'deny' | 'notified';
  /** The judged file itself, with {@link GateSettings.handOverInfected}; once a scan, however many waited for it. */
  readonly judged?: JudgedFile;
}

/** What an action works on. */
export interface JudgedFile {
  /**
   * Open for reading, the receiver's to close and then to tell `Gates.returnHandedOver()`. -1: too many are out, the
   * action has to be skipped.
   */
  readonly fd: number;
  /** The version that was found infected, as it was before the scan. */
  readonly file: FileKey;
}
