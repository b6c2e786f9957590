import type { Transport } from './transport.js';

/** Takes a new connection. */
export type AcceptTransport = (transport: Transport) => void;

/** Something that accepts connections. */
export interface Listener {
  /** Accepts no more for now: the rest waits in the kernel's backlog. */
  pause(): void;
  resume(): void;
  /** Accepts no more and lets go of the address. */
  close(): Promise<void>;
}
