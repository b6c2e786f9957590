import { closeSync } from 'node:fs';
import { messageOf } from '@portcullis/shared';
import type { FromHost, HostOptions, ToHost } from './control-messages.js';
import { LibclamavHost } from './host.js';

/** The way between the daemon and its host: process messages, or those of a thread. */
export interface HostChannel {
  send(message: FromHost): void;
  onMessage(listener: (message: ToHost) => void): void;
  /** The scan threads have been made. */
  readonly onLanesStarted?: () => void;
  /** Ends the host: at once and whatever its threads do, where that can be. @param close lets go of what it holds. */
  end(close: () => Promise<void>): void;
}

/**
 * Runs a host until it is told to end, or its channel or one of its scan threads does. Control messages are handled one
 * after the other, in the order in which they come.
 */
export function serveHost(channel: HostChannel): void {
  let host: LibclamavHost | undefined;
  let turn: Promise<void> = Promise.resolve();
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    const closing = host;
    channel.end(async () => {
      await turn;
      await closing?.close();
    });
  };
  /** A host that does not do what it should is of no use: the daemon starts another. */
  const fail = (what: string, error: unknown): void => {
    channel.send({ kind: 'message', severity: 'error', text: `${what}: ${messageOf(error)}` });
    end();
  };
  channel.onMessage((message) => {
    if (message.kind === 'open') {
      host = openHost(message.options, channel);
      host?.startLanes((error) => {
        if (error === undefined) end();
        else fail('a scan thread ended', error);
      });
      channel.onLanesStarted?.();
      return;
    }
    if (message.kind === 'end') {
      end();
      return;
    }
    const serving = host;
    if (serving === undefined || isEnding) return;
    turn = turn
      .then(() => serving.handle(message))
      .catch((error: unknown) => {
        fail(`"${message.kind}" failed`, error);
      });
  });
}

function openHost(options: HostOptions, channel: HostChannel): LibclamavHost | undefined {
  try {
    return new LibclamavHost(options, (answer) => {
      channel.send(answer);
    });
  } catch (error) {
    for (const fd of options.laneFds) closeSync(fd);
    channel.send({ kind: 'refused', reason: messageOf(error) });
    return undefined;
  }
}
