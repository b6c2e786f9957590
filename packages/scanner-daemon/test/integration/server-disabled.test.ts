import { afterEach, expect, test } from '@jest/globals';
import { UnixClient } from './raw-client.js';
import { startHarness } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harness: Harness;

afterEach(async () => {
  await harness.stop();
});

const NOTHING_ALLOWED = {
  shutdown: false,
  reload: false,
  selfCheck: false,
  version: false,
  stats: false,
  allMatchScan: false,
};

test('commands that are switched off answer COMMAND UNAVAILABLE and do nothing', async () => {
  harness = await startHarness({ commands: NOTHING_ALLOWED });
  for (const verb of ['VERSION', 'STATS', 'RELOAD', 'SHUTDOWN', 'QUIT', 'SELFCHECK']) {
    const client = new UnixClient(harness.native, harness.socketPath);
    client.send(`z${verb}\0`);
    expect(await client.toEnd()).toBe('COMMAND UNAVAILABLE\0');
  }
  expect(harness.calls).toEqual([]);
});

test('a command that is switched off ends a session', async () => {
  harness = await startHarness({ commands: NOTHING_ALLOWED });
  const client = new UnixClient(harness.native, harness.socketPath);
  client.send('zIDSESSION\0zPING\0nSTATS\nzPING\0');
  expect(await client.toEnd()).toBe('1: PONG\x002: COMMAND UNAVAILABLE\n');
});

test('ALLMATCHSCAN that is switched off has a sentence of its own', async () => {
  harness = await startHarness({ commands: NOTHING_ALLOWED });
  const client = new UnixClient(harness.native, harness.socketPath);
  client.send('zALLMATCHSCAN /tmp/x\0');
  expect(await client.toEnd()).toBe('/tmp/x: ALLMATCHSCAN command disabled by clamd configuration. ERROR\0');
});
