import { createCommandsTarget } from './commands.js';
import { createConfigTarget } from './config.js';
import { createContainersTarget } from './containers.js';
import { createExecutablesTarget } from './executables.js';
import { createImageTarget } from './image.js';
import { createInstreamTarget } from './instream.js';
import { createNormaliseTarget } from './normalise.js';
import { createPcreTarget } from './pcre.js';
import { createRepliesTarget } from './replies.js';
import { createSignaturesTarget } from './signatures.js';
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
    case 'signatures':
      return createSignaturesTarget();
    case 'containers':
      return createContainersTarget();
    case 'image':
      return createImageTarget();
    case 'pcre':
      return createPcreTarget();
    case 'executables':
      return createExecutablesTarget();
    case 'normalise':
      return createNormaliseTarget();
  }
}
