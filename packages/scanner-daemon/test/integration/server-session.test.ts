import { connect } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harness: Harness;

afterEach(async () => {
  await harness.stop();
});

const COMMANDS = 200_000;
const AT_A_TIME = 1000;

/** A million take five times as long and show nothing else. */
test('a session answers hundreds of thousands of pipelined commands in order', async () => {
  harness = await startHarness();
  const socket = connect({ path: harness.socketPath });
  let rest = '';
  let answered = 0;
  let wrong: string | undefined;
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\0');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      answered += 1;
      if (line !== `${answered}: PONG`) wrong ??= line;
    }
  });
  socket.write('zIDSESSION\0');
  const burst = 'zPING\0'.repeat(AT_A_TIME);
  for (let sent = 0; sent < COMMANDS; sent += AT_A_TIME) {
    await new Promise((resolve) => socket.write(burst, resolve));
    // Some way ahead of the answers, so that both directions are full.
    while (sent - answered > 20 * AT_A_TIME) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => answered === COMMANDS, 'the last answer');
  expect(wrong).toBeUndefined();
  expect(harness.server.connections).toBe(1);
  socket.write('zSCAN /no/such\0zEND\0');
  await until(() => rest === '' && answered === COMMANDS + 1, 'the scan');
  socket.destroy();
}, 60_000);
