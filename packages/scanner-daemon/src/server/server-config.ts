/** The slices of the configuration that the server reads. `ClamdConfig` of shared fits them as it is. */

/** Sockets (behaviour 2.5). */
export interface ListenConfig {
  readonly localSocketPath: string | undefined;
  /** Group name or decimal gid. */
  readonly localSocketGroup: string | undefined;
  /** Already masked with 0666; undefined = 0666. */
  readonly localSocketMode: number | undefined;
  readonly fixStaleSocket: boolean;
  readonly tcpPort: number | undefined;
  /** Empty = every address. */
  readonly tcpAddresses: readonly string[];
  /** listen(2)'s backlog. */
  readonly backlogMax: number;
}

/** False: the command answers COMMAND UNAVAILABLE, or an ERROR reply for ALLMATCHSCAN (behaviour 1.5). */
export interface CommandsConfig {
  readonly shutdown: boolean;
  readonly reload: boolean;
  readonly selfCheck: boolean;
  readonly version: boolean;
  readonly stats: boolean;
  readonly allMatchScan: boolean;
}

/** Behaviour 1.9. */
export interface ClocksConfig {
  /** After a completed command. */
  readonly readTimeoutMs: number;
  /** For the first command of a connection; 0 = no limit. */
  readonly commandReadTimeoutMs: number;
  /** How long a client may leave a full send buffer full. */
  readonly sendBufTimeoutMs: number;
}

export interface ServerLimits {
  /** StreamMaxLength, bytes of one INSTREAM; 0 or Infinity = unlimited. */
  readonly streamMaxBytes: number;
  /** MaxQueue: scan jobs pending for all connections together. */
  readonly pendingJobsMax: number;
  /** MaxThreads: the files of one MULTISCAN that are scanned at a time. */
  readonly threadsMax: number;
  /** Connections held at a time; beyond it the rest waits in the backlog. */
  readonly connectionsMax: number;
}

/** How often every connection's clock is looked at. clamd's has the same grain (behaviour 1.9). */
export const TICK_MS = 1000;

/** Scans of one connection that may be unanswered before reading it pauses. */
export const PIPELINED_SCANS_MAX = 256;

/** Replies a client has not read yet, bytes: from here on nothing more is read from it. */
export const OUTPUT_HIGH_WATER_BYTES = 256 * 1024;

/** Replies a client has not read yet, bytes: from here on it is considered gone. */
export const OUTPUT_MAX_BYTES = 8 * 1024 * 1024;

/** What is still read, and thrown away, from a client that was told of its mistake, so that it sees the text. */
export const DRAIN_MAX_BYTES = 256 * 1024 * 1024;

/** How long that goes on: a client that was told of a wrong command has nothing more to say that matters. */
export const DRAIN_MAX_MS = 2000;

/** And how long for one in the middle of an upload, which many clients finish before they read. */
export const UPLOAD_DRAIN_MAX_MS = 10_000;

/** A connection without a command may be this old when all places are taken and somebody else wants one. */
export const SILENT_MAX_MS_WHEN_FULL = 1000;

/** What is read, and thrown away, behind a command that is being answered. */
export const DISCARD_MAX_BYTES = 64 * 1024;
