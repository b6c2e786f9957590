import { COMMAND_VERBS, encodeBareWord } from '@portcullis/shared';
import { unavailable } from './unavailable.js';
import type { PlainCommand } from './command.js';

/** VERSION (behaviour 1.5). */
export const version: PlainCommand = (call) => {
  if (!call.services.commands.version) return unavailable(call);
  call.client.reply(encodeBareWord(call.services.versionText(), call.frame));
  return 'answered';
};

/** VERSIONCOMMANDS; EnableVersionCommand does not cover it. Disabled commands are listed too, as in clamd. */
export const versionCommands: PlainCommand = ({ client, frame, services }) => {
  client.reply(encodeBareWord(`${services.versionText()}| COMMANDS: ${COMMAND_VERBS.join(' ')}`, frame));
  return 'answered';
};
