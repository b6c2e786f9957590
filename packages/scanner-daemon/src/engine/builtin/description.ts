import type { EngineDescription } from '../../logging/feature-lines.js';

/** What the log may say of the built-in engine. */
export const BUILTIN_ENGINE: EngineDescription = {
  name: 'built-in',
  features: new Set([
    'archives',
    'encryptedAlerts',
    'exceedsMaxAlerts',
    'executables',
    'html',
    'mail',
    'officialOnly',
    'ole2',
    'puaCategories',
    'regularExpressions',
  ]),
};
