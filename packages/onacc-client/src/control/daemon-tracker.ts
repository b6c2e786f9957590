import { sanitize } from '@portcullis/shared';
import type { DaemonStatus } from './status-snapshot.js';

/** What it listens to; `GateEvent` has more kinds, which it ignores. */
type DaemonWord =
  | { readonly kind: 'daemonUp'; readonly pid: number }
  | { readonly kind: 'daemonDown'; readonly reason: string };

/** Remembers what the gates last said about the daemon. */
export class DaemonTracker {
  readonly #endpoint: string;
  readonly #nowMs: () => number;
  #state: Pick<DaemonStatus, 'state' | 'reason' | 'pid'> = { state: 'unknown' };
  #sinceMs: number;

  /**
   * @param endpoint - in words, `unix:/run/clamav/clamd.ctl` for instance.
   * @param nowMs - wall clock.
   */
  constructor(endpoint: string, nowMs: () => number) {
    this.#endpoint = endpoint;
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  hear(event: DaemonWord | { readonly kind: string }): void {
    if (!isDaemonWord(event)) return;
    if (event.kind === 'daemonUp') {
      this.#enter('up');
      this.#state = event.pid > 0 ? { state: 'up', pid: event.pid } : { state: 'up' };
    } else {
      this.#enter('down');
      this.#state = { state: 'down', reason: sanitize(event.reason) };
    }
  }

  status(): DaemonStatus {
    return {
      endpoint: this.#endpoint,
      since: new Date(this.#sinceMs).toISOString(),
      ...this.#state,
    };
  }

  /** Each gate has a session of its own and tells the same: the first word counts. */
  #enter(state: DaemonStatus['state']): void {
    if (this.#state.state !== state) this.#sinceMs = this.#nowMs();
  }
}

function isDaemonWord(event: DaemonWord | { readonly kind: string }): event is DaemonWord {
  return event.kind === 'daemonUp' || event.kind === 'daemonDown';
}
