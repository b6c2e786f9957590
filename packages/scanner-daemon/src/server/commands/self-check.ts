import { encodeBareWord } from '@portcullis/shared';
import { replyText } from '../reply-text.js';
import type { PlainCommand } from './command.js';
import { unavailable } from './unavailable.js';

/** SELFCHECK (behaviour 1.5): whether the database files have changed. The reply comes after the look at them. */
export const selfCheck: PlainCommand = (call) => {
  const { client, frame, services } = call;
  const { selfCheck: check } = services.actions;
  if (!services.commands.selfCheck) return unavailable(call);
  client.began();
  void check().then((answer) => {
    const word = answer === 'reloading' ? replyText.reloading : replyText.databaseUpToDate;
    client.reply(encodeBareWord(word, frame));
    client.done();
  });
  return 'dispatched';
};
