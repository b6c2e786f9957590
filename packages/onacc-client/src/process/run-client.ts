import { messageOf } from '@portcullis/shared';
import type { Voice } from '../logging/voice.js';
import type { ClientSignals } from './signals.js';

/** A client that protects. */
export interface Stoppable {
  /** Takes the marks away, answers everybody who waits, closes everything. */
  stop(): Promise<void>;
}

/** The life of a client from the first descriptor to the last. */
export interface ClientLife<Client extends Stoppable> {
  readonly signals: Pick<ClientSignals, 'serve'>;
  readonly voice: Voice;
  /** Resolves when protection is up. */
  readonly start: () => Promise<Client>;
  /** Called once, when protection is up. */
  readonly onUp: (client: Client) => void;
  /** Called once, before everything is let go of. */
  readonly onStopping: (client: Client, signal: NodeJS.Signals) => void;
  /** SIGHUP, once protection is up; one at a time, further ones meanwhile are one more. Reports its failures itself. */
  readonly reload: (client: Client) => Promise<void>;
  /** There is no orderly way on. Does not return to a process that goes on for long. */
  readonly endNow: (reason: unknown) => void;
}

/** A stop that takes longer is ended by force: the kernel then releases everybody. */
const STOP_MAX_MS = 2_000;

/**
 * Starts the client and stays until it is told to stop. One that is told so while it starts stops as soon as it is up.
 *
 * @throws whatever `start` throws.
 */
export async function runClient<Client extends Stoppable>(life: ClientLife<Client>): Promise<void> {
  const { signals, voice, endNow } = life;
  let wantReload = (): void => undefined;
  const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
    signals.serve({
      stop: (signal) => {
        setTimeout(() => {
          endNow(new Error(`not stopped after ${STOP_MAX_MS} ms`));
        }, STOP_MAX_MS).unref();
        resolve(signal);
      },
      endNow: () => {
        endNow(new Error('told to stop a second time'));
      },
      reload: () => {
        wantReload();
      },
    });
  });
  const client = await life.start();
  try {
    life.onUp(client);
  } catch (error) {
    // Who is not up is not to be left with marks that nobody answers for.
    setTimeout(endNow, STOP_MAX_MS, error).unref();
    await client.stop().catch(endNow);
    throw error;
  }
  wantReload = oneAtATime(async () => {
    try {
      await life.reload(client);
    } catch (error) {
      voice.say('error', `Reload failed: ${messageOf(error)}`, { event: 'reloadFailed' });
    }
  });
  life.onStopping(client, await stopAsked);
  try {
    await client.stop();
  } catch (error) {
    endNow(error);
    // Threads that are stuck in the kernel keep us from an orderly exit.
    await new Promise(() => undefined);
  }
}

/** While it runs, any number of further calls make it run once more. @param act - never rejects. */
function oneAtATime(act: () => Promise<void>): () => void {
  let state: 'idle' | 'running' | 'runningAndWanted' = 'idle';
  const run = async (): Promise<void> => {
    do {
      state = 'running';
      await act();
      // Read afresh: it may have been asked for while it ran.
    } while (isWanted());
    state = 'idle';
  };
  const isWanted = (): boolean => state === 'runningAndWanted';
  return () => {
    if (state === 'idle') void run();
    else state = 'runningAndWanted';
  };
}
