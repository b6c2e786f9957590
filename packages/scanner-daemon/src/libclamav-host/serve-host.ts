import { messageOf } from '@portcullis/shared';
import type { FromHost, ToHost } from './control-messages.js';
import { LibclamavHost } from './host.js';

/** The way between the daemon and its host: process messages, or those of a thread. */
export interface HostChannel {
  send(message: FromHost): void;
  onMessage(listener: (message: ToHost) => void): void;
  /** Ends the host, at once, whatever its threads do. */
  end(): void;
}

/**
 * Runs a host until its channel or one of its scan threads ends. Control messages are handled one after the other, in the
 * order in which they come.
 */
export function serveHost(channel: HostChannel): void {
  let host: LibclamavHost | undefined;
  let turn: Promise<void> = Promise.resolve();
  channel.onMessage((message) => {
    if (message.kind === 'open') {
      try {
        host = new LibclamavHost(message.options, (answer) => {
          channel.send(answer);
        });
        host.startLanes(() => {
          channel.end();
        });
      } catch (error) {
        channel.send({ kind: 'refused', reason: messageOf(error) });
      }
      return;
    }
    const serving = host;
    if (serving !== undefined) turn = turn.then(() => serving.handle(message));
  });
}
