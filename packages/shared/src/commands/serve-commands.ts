import { startCommand, type CommandProcess } from './command-process.js';
import type { RunnerReport, RunnerRequest } from './runner-messages.js';

/** Signals for the program, which a terminal or a service manager sends to the runner too: the program decides. */
const NOT_OURS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;

/** Ended commands whose background jobs may still write: of more, the oldest are let go of. */
const LEFT_BEHIND_MAX = 32;

/** The runner: a process of its own that starts commands until the program is gone and they have ended. */
export function serveCommands(): void {
  const running = new Map<number, CommandProcess>();
  const leftBehind: CommandProcess[] = [];
  for (const signal of NOT_OURS) process.on(signal, () => undefined);

  const report = (message: RunnerReport): void => {
    // Nobody left to tell is no failure.
    if (process.connected) process.send?.(message, () => undefined);
  };
  process.on('message', (message) => {
    // The only sender is our own command-runner, compiled from the same union.
    const request = message as RunnerRequest;
    if (request.kind === 'terminate') {
      running.get(request.id)?.terminate();
      return;
    }
    const { id, command, limits } = request;
    const started = startCommand(command, limits, (end) => {
      running.delete(id);
      leftBehind.push(started);
      if (leftBehind.length > LEFT_BEHIND_MAX) leftBehind.shift()?.releaseOutput();
      report({ kind: 'ended', id, pid: started.pid, end });
      if (running.size === 0 && !process.connected) process.exit(0);
    });
    running.set(id, started);
  });
  process.on('disconnect', () => {
    if (running.size === 0) process.exit(0);
  });
  report({ kind: 'ready' });
}
