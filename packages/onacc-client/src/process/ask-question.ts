import type { PingPlan } from '../command-line.js';
import { CLIENT_VERSION_LINE } from '../command-line-options.js';
import type { Voice } from '../logging/voice.js';
import { askVersion, awaitDaemon, contactOf, WAIT_PLAN } from './contact-daemon.js';
import type { DaemonContact } from './contact-daemon.js';
import { readListen } from './read-listen.js';
import { EXIT, sayLines } from './run.js';
import type { Run } from './run.js';

/** --version and --ping: need no directory to protect, and no privilege. @returns the exit code */
export async function askQuestion(task: 'version' | 'ping', { flags, voice }: Run): Promise<number> {
  const reading = readListen(flags.configFile);
  if (reading.kind === 'refused') {
    sayLines(voice, reading.lines);
    return EXIT.error;
  }
  const contact = contactOf(reading.config.listen, reading.config.onAccess.curlTimeoutMs);
  if (task === 'version') {
    voice.say('plain', (await askVersion(contact)) ?? CLIENT_VERSION_LINE);
    return EXIT.done;
  }
  return (await waitForDaemon(contact, flags.ping, { voice, announces: true })) ? EXIT.done : EXIT.noAnswer;
}

/** @param plan - of --ping; undefined: --wait alone. @returns whether the daemon answered */
export async function waitForDaemon(
  contact: DaemonContact,
  plan: PingPlan | undefined,
  options: { readonly voice: Voice; readonly announces: boolean },
): Promise<boolean> {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return (await awaitDaemon(contact, plan ?? WAIT_PLAN, { ...options, pause })) === 'answered';
}
