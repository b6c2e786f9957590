import { expect, test } from '@jest/globals';
import { takeServiceEnvironment } from './service-environment.js';

test('takeServiceEnvironment: what it takes is gone from the environment, all else stays', () => {
  const env: Record<string, string | undefined> = {
    PATH: '/bin',
    LISTEN_PID: '12',
    LISTEN_PIDFDID: '77',
    LISTEN_FDS: '2',
    LISTEN_FDNAMES: 'a:b',
    NOTIFY_SOCKET: '@n',
    WATCHDOG_USEC: '2000000',
    WATCHDOG_PID: '12',
  };
  expect(takeServiceEnvironment(env)).toEqual({
    listenPid: '12',
    listenFds: '2',
    listenFdNames: 'a:b',
    notifySocket: '@n',
    watchdogUsec: '2000000',
    watchdogPid: '12',
  });
  expect(env).toEqual({ PATH: '/bin' });
});
