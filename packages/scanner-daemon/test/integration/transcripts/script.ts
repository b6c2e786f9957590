import type { ConfName } from './conf-variants.js';

/** Stands for the site's directory in what is sent and in what comes back. */
export const ROOT = '${ROOT}';

/** What a passed descriptor refers to; `open-fds.ts` opens them. */
export type FdKind =
  | 'clean'
  | 'infected'
  | 'empty'
  | 'deleted'
  | 'directory'
  | 'fifo'
  | 'socket'
  | 'device'
  | 'proc'
  | 'writeOnly'
  | 'pathOnly';

/** One thing a client does. A string is bytes to send, one character a byte, `${ROOT}` filled in. */
export type Step =
  | string
  | { readonly kind: 'bytewise'; readonly bytes: string }
  | { readonly kind: 'fds'; readonly bytes: string; readonly fds: readonly FdKind[] }
  | { readonly kind: 'hear'; readonly text: string }
  | { readonly kind: 'pause' }
  | { readonly kind: 'halfClose' };

/** How a connection stood when nothing more came. */
export type Ending = 'eof' | 'reset' | 'eof or reset' | 'open';

/** What came of a script. */
export interface Outcome {
  /** Every byte received, one character a byte, made the same on every machine (`steady-bytes.ts`). */
  readonly received: string;
  readonly ended: Ending;
  /** How the daemon ended, where the script is to end it. */
  readonly exitCode?: number | null | 'running';
}

/** Where we mean to differ from clamd 1.4.6. */
export interface Difference {
  readonly received: string;
  /** Unset: as clamd's. */
  readonly ended?: Ending;
  readonly exitCode?: number | null | 'running';
  /** Why, with the section of clamd-behaviour.md. */
  readonly because: string;
}

/** One row of a table: what a client says to a daemon with a certain clamd.conf. */
export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly conf: ConfName;
  readonly over: 'unix' | 'tcp';
  /** Not while another script talks to the same daemon. */
  readonly alone: boolean;
  /** The order of the reply lines is arbitrary. */
  readonly sorted: boolean;
  /** The daemon exits of it: it gets one of its own. */
  readonly endsDaemon: boolean;
  /** Longer than {@link QUIET_MS} where a clock may have to run out, in milliseconds. */
  readonly quietMs: number;
  /**
   * Why clamd says more at one time than at another. The fullest of its answers is the recorded one, and whether it
   * still gives it is not verified.
   */
  readonly race: string | undefined;
  readonly differs: Difference | undefined;
}

/** The scripts of one golden file. */
export interface Topic {
  readonly name: string;
  readonly scripts: readonly Script[];
}

/** How long clamd must be silent, in milliseconds, to be taken to have said all; a busy machine is slow. */
export const QUIET_MS = 1500;

/** One script; what `options` leaves out is the plain case. */
export function row(name: string, steps: readonly Step[], options: Partial<Script> = {}): Script {
  return {
    name,
    steps,
    conf: 'plain',
    over: 'unix',
    alone: false,
    sorted: false,
    endsDaemon: false,
    quietMs: QUIET_MS,
    race: undefined,
    differs: undefined,
    ...options,
  };
}

/** For bytes behind a command that goes to the scan threads. */
export const GARBAGE_RACE = { race: 'a scan that is done first closes the connection unread' };

/** Why ALLMATCHSCAN is shorter here. */
export const ONE_LINE_A_SIGNATURE = 'one line a signature; 1.4.6 says each of several twice (behaviour 1.10)';

/** Long enough for the daemon to have read what was sent before. */
export const pause: Step = { kind: 'pause' };
export const halfClose: Step = { kind: 'halfClose' };

/** Waits until the text was received. */
export function hear(text: string): Step {
  return { kind: 'hear', text };
}

/** One message with descriptors. */
export function withFds(bytes: string, ...fds: readonly FdKind[]): Step {
  return { kind: 'fds', bytes, fds };
}

/** Every byte in a packet of its own. */
export function bytewise(bytes: string): Step {
  return { kind: 'bytewise', bytes };
}

/** A chunk of INSTREAM: its length in four bytes, then its bytes. */
export function chunk(bytes: string): string {
  return lengthWord(bytes.length) + bytes;
}

/** The four bytes that begin a chunk. */
export function lengthWord(lengthBytes: number): string {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(lengthBytes);
  return word.toString('latin1');
}

/** Ends an upload. */
export const LAST_CHUNK = '\0\0\0\0';

/** The steps as text, so that a golden file can be read, and a script that changed be noticed. */
export function describeSteps(steps: readonly Step[]): string {
  return steps.map(describeStep).join(' | ');
}

function describeStep(step: Step): string {
  if (typeof step === 'string') return shortenRuns(step);
  switch (step.kind) {
    case 'bytewise':
      return `byte by byte: ${step.bytes}`;
    case 'fds':
      return `${step.bytes} + ${step.fds.join(' + ')}`;
    case 'hear':
      return `(hears ${step.text})`;
    case 'pause':
      return '(pause)';
    case 'halfClose':
      return '(half-close)';
  }
}

/** `aaaa…` as `${a*4096}`: nothing is lost and a line stays readable. */
export function shortenRuns(text: string): string {
  return text.replace(/([^])\1{63,}/g, (run, character: string) => `\${${character}*${run.length}}`);
}
