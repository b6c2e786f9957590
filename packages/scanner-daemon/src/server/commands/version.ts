import { COMMAND_VERBS, encodeBareWord } from '@portcullis/shared';
import { unavailable } from './unavailable.js';
import type { PlainCommand } from './command.js';

/** VERSION (behaviour 1.5). */
export const version: PlainCommand = (call) => {
  if (!call.services.commands.version) return unavailable(call);
  call.client.reply(encodeBareWord(call.services.versionText(), call.frame));
  return 'answered';
};

/** VERSIONCOMMANDS; EnableVersionCommand does not cover it. It lists what this daemon serves, in clamd's order. */
export const versionCommands: PlainCommand = ({ client, frame, services }) => {
  const served = COMMAND_VERBS.filter((verb) => verb !== 'SELFCHECK');
  client.reply(encodeBareWord(`${services.versionText()}| COMMANDS: ${served.join(' ')}`, frame));
  return 'answered';
};
