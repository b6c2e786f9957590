import { encodeBareWord } from '@portcullis/shared';
import { replyText } from '../reply-text.js';
import type { PlainCommand } from './command.js';
import { unavailable } from './unavailable.js';

/** RELOAD: answered at once, the reload comes afterwards. */
export const reload: PlainCommand = (call) => {
  if (!call.services.commands.reload) return unavailable(call);
  call.client.reply(encodeBareWord(replyText.reloading, call.frame));
  call.services.actions.reload();
  return 'answered';
};
