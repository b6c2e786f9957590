import { encodeBareWord } from '@portcullis/shared';
import { formatStats } from '../../stats/stats-text.js';
import type { PlainCommand } from './command.js';
import { unavailable } from './unavailable.js';

/** STATS: answered at once from counters, where clamd's waits for a free worker. As there, it lists itself. */
export const stats: PlainCommand = (call) => {
  if (!call.services.commands.stats) return unavailable(call);
  const task = call.services.stats.started('STATS', '');
  call.client.reply(encodeBareWord(formatStats(call.services.stats.snapshot()), call.frame));
  call.services.stats.ended(task);
  return 'answered';
};
