import type { Topic } from './script.js';
import { COMMANDS } from './tables/commands.js';
import { FILDES } from './tables/fildes.js';
import { FRAMING } from './tables/framing.js';
import { INSTREAM } from './tables/instream.js';
import { LIMITS } from './tables/limits.js';
import { PATHS } from './tables/paths.js';
import { SESSION } from './tables/session.js';
import { WALK_OPTIONS } from './tables/walk-options.js';

/** All tables, one golden file each. */
export const TOPICS: readonly Topic[] = [
  FRAMING,
  COMMANDS,
  SESSION,
  FILDES,
  INSTREAM,
  PATHS,
  WALK_OPTIONS,
  LIMITS,
];
