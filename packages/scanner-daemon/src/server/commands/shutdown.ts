import type { PlainCommand } from './command.js';
import { unavailable } from './unavailable.js';

/** SHUTDOWN and QUIT: no reply; the connection closes and the daemon ends. */
export const shutdown: PlainCommand = (call) => {
  if (!call.services.commands.shutdown) return unavailable(call);
  call.services.actions.shutdown();
  return 'answered';
};
