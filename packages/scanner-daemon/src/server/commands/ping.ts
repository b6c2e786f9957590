import { encodeBareWord } from '@portcullis/shared';
import { replyText } from '../reply-text.js';
import type { PlainCommand } from './command.js';

/** PING: always answered at once, whatever the queue looks like. */
export const ping: PlainCommand = ({ client, frame }) => {
  client.reply(encodeBareWord(replyText.pong, frame));
  return 'answered';
};
