import { constants } from 'node:os';
import { NativeError } from './native-error.js';
import type {
  FanotifyApi,
  FileApi,
  InotifyApi,
  LeaseApi,
  LimitApi,
  SignalApi,
  SocketApi,
} from './native-api.js';

/** The name of an errno, such as `EPIPE`. */
export type ErrnoCode = keyof typeof constants.errno;

/** What can be made to fail: every call of the fence, and the making of an event fd inside `readEvents`. */
export type FakeCall =
  | keyof FileApi
  | keyof SocketApi
  | keyof FanotifyApi
  | keyof LimitApi
  | keyof InotifyApi
  | keyof LeaseApi
  | keyof SignalApi
  | 'eventFd';

/** The failure the real fence would throw. */
export function systemError(
  syscall: string,
  code: ErrnoCode,
  context: Readonly<Record<string, string | number>> = {},
): NativeError {
  return new NativeError(syscall, constants.errno[code], context);
}

/** Failures a test has ordered, first ordered first met, each one once. */
export class FakeFaults {
  readonly #ordered = new Map<FakeCall, ErrnoCode[]>();

  order(call: FakeCall, code: ErrnoCode): void {
    const waiting = this.#ordered.get(call);
    if (waiting === undefined) this.#ordered.set(call, [code]);
    else waiting.push(code);
  }

  /** The failure ordered for this call, which is used up. */
  take(call: FakeCall): ErrnoCode | undefined {
    return this.#ordered.get(call)?.shift();
  }

  /** @throws NativeError what was ordered for `call`. */
  pass(call: FakeCall): void {
    const code = this.take(call);
    if (code !== undefined) throw systemError(call, code);
  }

  /** As {@link pass}, but EAGAIN and EINTR are told by value, as the fence does. @returns whether the call would block. */
  wouldBlock(call: FakeCall): boolean {
    const code = this.take(call);
    if (code === undefined) return false;
    if (code === 'EAGAIN' || code === 'EINTR') return true;
    throw systemError(call, code);
  }
}
