/** What is started for one event. No shell reads it, unless it is one. */
export interface BoundedCommand {
  /** A path, or a name to be found in `environment.PATH`. */
  readonly program: string;
  readonly args: readonly string[];
  /** All there is: nothing of ours is inherited. */
  readonly environment: Readonly<Record<string, string>>;
}
