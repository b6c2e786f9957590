import type { EngineDescription } from '../../logging/feature-lines.js';

/** What the log may say of the built-in engine: it matches the bytes of a file, and unpacks nothing yet. */
export const BUILTIN_ENGINE: EngineDescription = {
  name: 'built-in',
  features: new Set(['exceedsMaxAlerts']),
};
