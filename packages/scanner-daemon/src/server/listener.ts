import type { NativeApi } from '@portcullis/shared/native';
import type { ServerLog } from './server-log.js';
import type { Transport } from './transport.js';
import type { TurnEnd } from './turn-end.js';

/** Takes a new connection. */
export type AcceptTransport = (transport: Transport) => void;

/** Something that accepts connections. */
export interface Listener {
  /** Accepts no more for now: the rest waits in the kernel's backlog. */
  pause(): void;
  resume(): void;
  /** Accepts no more and lets go of the address. */
  close(): void;
}

/** What every kind of listener needs. */
export interface ListenerDeps {
  readonly native: Pick<NativeApi, 'files' | 'sockets' | 'poller'>;
  readonly turnEnd: TurnEnd;
  readonly sendBufTimeoutMs: number;
  readonly log: ServerLog;
}
