import { existsSync } from 'node:fs';
import type { Contender } from './contender.js';
import { startGuardPair } from './guard-pair.js';

/** Where Debian has it. */
export const clamd = '/usr/sbin/clamd';
const clamonacc = '/usr/sbin/clamonacc';

/** Debian's clamav-daemon: clamd with `clamonacc --fdpass`, its fastest mode. */
export const clamav: Contender = {
  name: 'clamav',
  unavailable() {
    const absent = [clamd, clamonacc].filter((program) => !existsSync(program));
    return absent.length === 0
      ? undefined
      : `${absent.join(' and ')} not found (apt-get install clamav-daemon)`;
  },
  start: (context) =>
    startGuardPair(
      {
        title: 'clamd + clamonacc',
        daemon: (confPath) => [clamd, '-c', confPath],
        client: (confPath) => [clamonacc, '-F', '--fdpass', '-c', confPath],
      },
      context,
    ),
};
