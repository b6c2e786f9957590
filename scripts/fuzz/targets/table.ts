import { createCommandsTarget } from './commands.js';
import { createConfigTarget } from './config.js';
import { createInstreamTarget } from './instream.js';
import { createRepliesTarget } from './replies.js';
import type { DecoderTarget } from './target.js';
import { createUnpackTarget, isUnpackTarget } from './unpack.js';

/** The target of this name. */
export function createTarget(name: DecoderTarget['name']): DecoderTarget {
  if (isUnpackTarget(name)) return createUnpackTarget(name);
  switch (name) {
    case 'commands':
      return createCommandsTarget();
    case 'instream':
      return createInstreamTarget();
    case 'replies':
      return createRepliesTarget();
    case 'config':
      return createConfigTarget();
  }
}
