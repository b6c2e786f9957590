// The door for what a main.ts does before anything else: its command line, and the way to the background.
export { parseArguments } from './getopt.js';
export type { LongForm, OptionGrammar, ParsedArguments, ParsedOption } from './getopt.js';
export { launchInBackground } from './launch.js';
export type { LaunchOptions } from './launch.js';
export { detachStdio, isPipe, takeLaunched } from './launched.js';
export type { Launched } from './launched.js';
