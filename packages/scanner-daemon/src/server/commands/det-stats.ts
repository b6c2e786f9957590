import type { PlainCommand } from './command.js';

/** DETSTATS and DETSTATSCLEAR: clamd takes them and says nothing. */
export const detStats: PlainCommand = () => 'answered';
