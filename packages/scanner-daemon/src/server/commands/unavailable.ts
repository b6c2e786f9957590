import { encodeBareWord } from '@portcullis/shared';
import { replyText } from '../reply-text.js';
import type { PlainCommand } from './command.js';

/** What clamd answers for a command that it does not offer; in a session the connection then ends as by END. */
export const unavailable: PlainCommand = ({ client, frame }) => {
  client.reply(encodeBareWord(replyText.commandUnavailable, frame));
  return 'answeredLast';
};
