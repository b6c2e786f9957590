/** What the keeper is told on its command line, as JSON, and nowhere else. */
export interface KeeperRequest {
  /** The client's JavaScript file. */
  readonly program: string;
  readonly args: readonly string[];
}

/** The place of the lifeline among the keeper's descriptors: a byte means serve, its end means stop. */
export const LIFELINE_FD = 3;

/** Tells the client which of its descriptors ends with whoever started it (onacc-client, parent-watch.ts). */
export const PARENT_FD_VARIABLE = 'PORTCULLIS_PARENT_FD';
