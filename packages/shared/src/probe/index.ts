// The door for asking a running daemon something, from outside of any scan.
export { askDaemon, REPLY_MAX_BYTES } from './ask-daemon.js';
export type { ProbeAnswer } from './ask-daemon.js';
export { configuredAddresses, formatProbeAddress, parseProbeAddress } from './probe-address.js';
export type { ProbeAddress, ProbeListenConfig } from './probe-address.js';
