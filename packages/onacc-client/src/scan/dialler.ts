import { messageOf } from '@portcullis/shared';
import type { NativeApi, PollHandle, TcpAddress, TcpKeepAlive } from '@portcullis/shared/native';
import { describeAddress } from './endpoint.js';
import type { Endpoint } from './endpoint.js';

export interface DiallerOptions {
  readonly native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly endpoint: Endpoint;
  /** A connection that has not come about by then is given up. */
  readonly connectMaxMs: number;
  /** Monotonic. */
  readonly nowMs: () => number;
  /**
   * Takes the fd, unless it throws, which counts as a failed connection.
   *
   * @param peerPid - the daemon's process where it can be told, else 0: over TCP, or behind a socket of systemd
   */
  readonly onConnected: (fd: number, peerPid: number) => void;
  /** @param isRoundOver - every address has been tried; until then the next one is called without delay */
  readonly onFailed: (reason: string, isRoundOver: boolean) => void;
}

/** A peer that is gone without a word is found out within 30 s, long before a session would say so by itself. */
const KEEP_ALIVE: TcpKeepAlive = { idleSeconds: 15, intervalSeconds: 5, probesMax: 3 };
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2_000;
/** Between two calls of {@link Dialler.redial}, so that it never counts as quiet again by waiting alone. */
const REDIAL_WAIT_MAX_MS = 500;
/** A connection that answered and lasted so long was good: what ends it is a new failure. */
const STEADY_MS = 1_000;
/** Of credentials the pid 1 means a socket made by systemd: not the daemon, and nothing to trust. */
const INIT_PID = 1;
const WRITABLE = { readable: false, writable: true };

/** A connection under way. */
interface Attempt {
  readonly fd: number;
  readonly poll: PollHandle;
  readonly giveUpAtMs: number;
}

/** Calls the daemon at one address after the other, with growing pauses between rounds. Never blocks. */
export class Dialler {
  readonly #options: DiallerOptions;
  #attempt: Attempt | undefined;
  #turn = 0;
  #failures = 0;
  #retryMs = RETRY_FIRST_MS;
  #retryAtMs = 0;
  #answered = false;
  #connectedAtMs = 0;
  #redialledAtMs = -Infinity;
  #redialWaitMs = 0;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** While there is no connection: dials when it is time, and gives up on one that does not come about. */
  tick(nowMs: number): void {
    if (this.#attempt === undefined) {
      if (nowMs >= this.#retryAtMs) this.dial(nowMs);
    } else if (nowMs >= this.#attempt.giveUpAtMs) {
      this.#abandonAttempt(`no connection within ${this.#options.connectMaxMs} ms`);
    }
  }

  /** Dials at once. */
  dial(nowMs: number): void {
    const { files, sockets, poller } = this.#options.native;
    let fd = -1;
    this.#answered = false;
    try {
      fd = this.#isTcp ? sockets.createTcp(this.#address.family) : sockets.createUnix();
      if (this.#connect(fd) === 'connected') {
        this.#onConnected(fd);
        return;
      }
      const poll = poller.watch(fd, WRITABLE, () => {
        this.#onAttemptReady(fd);
      });
      this.#attempt = { fd, poll, giveUpAtMs: nowMs + this.#options.connectMaxMs };
    } catch (error) {
      if (fd >= 0) files.close(fd);
      this.#fail(messageOf(error));
    }
  }

  /** The same address again, by our own choice: at once, but with growing pauses where that happens again within a second. */
  redial(nowMs: number): void {
    const isSoon = nowMs - this.#redialledAtMs < STEADY_MS;
    const longerMs = Math.min(Math.max(this.#redialWaitMs * 2, RETRY_FIRST_MS), REDIAL_WAIT_MAX_MS);
    this.#redialWaitMs = isSoon ? longerMs : 0;
    this.#redialledAtMs = nowMs;
    if (this.#redialWaitMs === 0) this.dial(nowMs);
    else this.#retryAtMs = nowMs + this.#redialWaitMs;
  }

  /** The daemon has said something sensible. */
  answered(): void {
    this.#answered = true;
  }

  /**
   * The connection has ended: the next address is next. At once the first time, then as after a failed call, so that a daemon
   * that talks rubbish is not called again and again.
   */
  lost(): void {
    const nowMs = this.#options.nowMs();
    if (this.#answered && nowMs - this.#connectedAtMs >= STEADY_MS) {
      this.#failures = 0;
      this.#retryMs = RETRY_FIRST_MS;
    }
    const isAtOnce = this.#answered && this.#failures === 0;
    const waitMs = this.#passOn();
    this.#retryAtMs = isAtOnce ? 0 : nowMs + waitMs;
  }

  /** For good. */
  close(): void {
    this.#dropAttempt();
    this.#retryAtMs = Infinity;
  }

  #onAttemptReady(fd: number): void {
    const { native } = this.#options;
    if (this.#attempt?.fd !== fd) return;
    const error = native.sockets.connectError(fd);
    if (error !== undefined) {
      this.#abandonAttempt(messageOf(error));
      return;
    }
    this.#attempt.poll.close();
    this.#attempt = undefined;
    try {
      this.#onConnected(fd);
    } catch (failure) {
      native.files.close(fd);
      this.#fail(messageOf(failure));
    }
  }

  #onConnected(fd: number): void {
    this.#connectedAtMs = this.#options.nowMs();
    this.#options.onConnected(fd, this.#peerPid(fd));
  }

  #abandonAttempt(reason: string): void {
    this.#dropAttempt();
    this.#fail(reason);
  }

  #dropAttempt(): void {
    if (this.#attempt === undefined) return;
    this.#attempt.poll.close();
    this.#options.native.files.close(this.#attempt.fd);
    this.#attempt = undefined;
  }

  #fail(reason: string): void {
    const called = this.#isTcp ? `${describeAddress(this.#address)}: ` : '';
    const waitMs = this.#passOn();
    this.#retryAtMs = this.#options.nowMs() + waitMs;
    this.#options.onFailed(`${called}${reason}`, waitMs > 0);
  }

  /** On to the next address. @returns how long to wait first: not at all before every one has failed once */
  #passOn(): number {
    const { endpoint } = this.#options;
    const addresses = endpoint.kind === 'tcp' ? endpoint.addresses.length : 1;
    this.#turn = (this.#turn + 1) % addresses;
    this.#failures += 1;
    if (this.#failures % addresses !== 0) return 0;
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(waitMs * 2, RETRY_MAX_MS);
    return waitMs;
  }

  #connect(fd: number): 'connected' | 'inProgress' {
    const { native, endpoint } = this.#options;
    if (endpoint.kind === 'tcp') {
      const progress = native.sockets.connectTcp(fd, this.#address);
      native.sockets.tuneTcp(fd, { keepAlive: KEEP_ALIVE });
      return progress;
    }
    // `inProgress` of a Unix socket is a full backlog: nothing is under way then.
    if (native.sockets.connectUnix(fd, endpoint.path) === 'connected') return 'connected';
    throw new Error('the backlog is full');
  }

  #peerPid(fd: number): number {
    if (this.#isTcp) return 0;
    const { pid } = this.#options.native.sockets.peerCredentials(fd);
    return pid === INIT_PID ? 0 : pid;
  }

  get #isTcp(): boolean {
    return this.#options.endpoint.kind === 'tcp';
  }

  get #address(): TcpAddress {
    const { endpoint } = this.#options;
    const address = endpoint.kind === 'tcp' ? endpoint.addresses[this.#turn] : undefined;
    if (address === undefined) throw new Error('an endpoint without an address');
    return address;
  }
}
