import { sanitize } from '@portcullis/shared';
import { askDaemon, configuredAddresses, formatProbeAddress } from '@portcullis/shared/probe';
import type { ProbeAddress, ProbeAnswer, ProbeListenConfig } from '@portcullis/shared/probe';
import type { PingPlan } from '../command-line.js';
import type { Voice } from '../logging/voice.js';

/** A daemon to be asked. */
export interface DaemonContact {
  readonly addresses: readonly ProbeAddress[];
  /** LocalSocket is set: the daemon is on this machine. */
  readonly isLocal: boolean;
  /** For each question. */
  readonly timeoutMs: number;
}

/** --wait without --ping: clamonacc tries 31 times, a second apart (behaviour 4.1). */
export const WAIT_PLAN: PingPlan = { attempts: 31, intervalSeconds: 1 };

/** For each question where OnAccessCurlTimeout is 0. */
const TIMEOUT_DEFAULT_MS = 5_000;

/** libcurl's words for whatever kept clamonacc from its daemon. */
const NOT_CONNECTED = "Couldn't connect to server";

/** @param listen - of clamd.conf. @param timeoutMs - OnAccessCurlTimeout, for each question. */
export function contactOf(listen: ProbeListenConfig, timeoutMs: number): DaemonContact {
  return {
    addresses: configuredAddresses(listen),
    isLocal: listen.localSocketPath !== undefined,
    timeoutMs: timeoutMs > 0 ? timeoutMs : TIMEOUT_DEFAULT_MS,
  };
}

/** @returns the answer to VERSION in one line; undefined where there is none. */
export async function askVersion(contact: DaemonContact): Promise<string | undefined> {
  const { answer } = await askFirst(contact, 'VERSION');
  return answer?.kind === 'reply' ? sanitize(answer.text) : undefined;
}

/**
 * Asks until PONG comes, in clamonacc's words (behaviour 4.2).
 *
 * @param options.announces - whether each further try and the answer are told of: --ping does, --wait does not.
 * @param options.pause - waits so many milliseconds.
 */
export async function awaitDaemon(
  contact: DaemonContact,
  plan: PingPlan,
  options: {
    readonly voice: Voice;
    readonly announces: boolean;
    readonly pause: (ms: number) => Promise<void>;
  },
): Promise<'answered' | 'timedOut'> {
  const { voice, announces, pause } = options;
  for (let attempt = 1; attempt <= plan.attempts; attempt += 1) {
    const { answer } = await askFirst(contact, 'PING');
    if (answer?.kind === 'reply' && answer.text === 'PONG') {
      if (announces) voice.say('plain', 'PONG');
      return 'answered';
    }
    if (attempt === 1) {
      voice.say('plain', `ClamClient: Initial connection failed, ${NOT_CONNECTED}. Will try again...`);
    }
    if (attempt === plan.attempts) break;
    const { intervalSeconds } = plan;
    const unit = intervalSeconds === 1 ? 'second' : 'seconds';
    if (announces) voice.say('plain', `PINGing again in ${intervalSeconds} ${unit}`);
    await pause(intervalSeconds * 1_000);
  }
  const verdict = announces
    ? 'PING timeout exceeded; No response from clamd'
    : 'Wait timeout exceeded; Could not connect to clamd';
  voice.say('plain', verdict);
  return 'timedOut';
}

/**
 * The connection test of the start (behaviour 4.2, step 5): somebody has to accept; what it answers is not judged.
 *
 * @returns the lines to complain with, without `ERROR: `; empty when all is well.
 */
export async function testConnection(contact: DaemonContact): Promise<readonly string[]> {
  const { address, answer } = await askFirst(contact, 'PING');
  if (answer === undefined || address === undefined) {
    return ['ClamClient: neither LocalSocket nor TCPSocket is set: there is no daemon to ask'];
  }
  if (isReached(answer)) return [];
  const reason = answer.kind === 'failed' ? answer.reason : '';
  return [
    `ClamClient: Could not connect to clamd, ${NOT_CONNECTED}`,
    contact.isLocal
      ? 'Clamonacc: daemon is local, but a connection could not be established'
      : "Clamonacc: can't setup client",
    `${sanitize(formatProbeAddress(address))}: ${reason}; --wait waits for it`,
  ];
}

/** Asks one address after the other until one is reached; of those that are not, the first is told about. */
async function askFirst(
  { addresses, timeoutMs }: DaemonContact,
  command: 'PING' | 'VERSION',
): Promise<{ address?: ProbeAddress; answer?: ProbeAnswer }> {
  let first: { address?: ProbeAddress; answer?: ProbeAnswer } = {};
  for (const address of addresses) {
    const answer = await askDaemon(address, command, timeoutMs);
    if (isReached(answer)) return { address, answer };
    if (first.address === undefined) first = { address, answer };
  }
  return first;
}

function isReached(answer: ProbeAnswer): boolean {
  return answer.kind === 'reply' || answer.reached;
}
