import { closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { NO_ALERTS } from '../../src/server/alerts.js';
import type { SelfCheckAnswer } from '../../src/scheduler/self-check.js';
import type { ScanOutcome } from '../../src/server/server-log.js';
import { UnixClient } from './raw-client.js';
import { pauseMs, startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harness: Harness;

afterEach(async () => {
  await harness.stop();
});

async function answerTo(sent: string | Buffer): Promise<string> {
  const client = new UnixClient(harness.native, harness.socketPath);
  client.send(sent);
  return client.toEnd();
}

const LIMITED: ScanVerdict = { kind: 'incomplete', reason: 'tooManyFiles' };
const STREAM = 'zINSTREAM\0\0\0\0\x05hello\0\0\0\0';

describe('an incomplete scan', () => {
  test('reads as OK and is logged as what it is', async () => {
    harness = await startHarness();
    harness.scanner.verdict = LIMITED;
    expect(await answerTo(STREAM)).toBe('stream: OK\0');
    await until(() => harness.logLines.some((line) => line.includes('tooManyFiles')));
    expect(harness.logLines.join('')).not.toContain('FOUND');
  });

  test('becomes a detection with AlertExceedsMax, for streams, paths and ALLMATCHSCAN', async () => {
    const detections: ScanOutcome[] = [];
    harness = await startHarness({
      alerts: { ...NO_ALERTS, exceedsMax: true },
      onDetection: (outcome) => void detections.push(outcome),
    });
    harness.scanner.verdict = LIMITED;
    const path = harness.file('a.bin', 'hello');
    const name = 'Heuristics.Limits.Exceeded.MaxFiles';
    expect(await answerTo(STREAM)).toBe(`stream: ${name} FOUND\0`);
    expect(await answerTo(`nSCAN ${path}\n`)).toBe(`${path}: ${name} FOUND\n`);
    expect(await answerTo(`zALLMATCHSCAN ${path}\0`)).toBe(`${path}: ${name} FOUND\0`);
    expect(detections).toHaveLength(3);
    expect(detections[0]).toMatchObject({
      name: 'instream(local)',
      verdict: LIMITED,
      shown: { kind: 'infected', signatureNames: [name] },
    });
    await until(() => harness.logLines.some((line) => line.includes('"reason":"tooManyFiles"')));
  });

  test('that was cut off never reads as OK, nor as a detection', async () => {
    harness = await startHarness({ alerts: { ...NO_ALERTS, exceedsMax: true, encrypted: true } });
    harness.scanner.verdict = { kind: 'incomplete', reason: 'cancelled' };
    expect(await answerTo(STREAM)).toBe('stream: Process aborted ERROR\0');
  });
});

describe('onDetection', () => {
  test('is called once a detection, after the reply, with the path behind a descriptor', async () => {
    const detections: ScanOutcome[] = [];
    harness = await startHarness({ onDetection: (outcome) => void detections.push(outcome) });
    const path = harness.file('bad.bin', 'this is infected');
    const client = new UnixClient(harness.native, harness.socketPath);
    const fd = openSync(path, 'r');
    try {
      client.sendWithFd('zFILDES\0\0', fd);
      expect(await client.toEnd()).toMatch(/^fd\[\d+\]: First.Sig FOUND\0$/);
    } finally {
      closeSync(fd);
    }
    await answerTo(`zSCAN ${harness.file('good.bin', 'hello')}\0`);
    expect(detections.map(({ name }) => name.toString())).toEqual([path]);
  });

  test('that throws changes nothing for the client', async () => {
    harness = await startHarness({
      onDetection: () => {
        throw new Error('the event could not be started');
      },
    });
    expect(await answerTo('zINSTREAM\0\0\0\0\x08infected\0\0\0\0')).toBe('stream: First.Sig FOUND\0');
    expect(harness.logLines.join('')).toContain('a detection could not be reported');
  });
});

test('the log knows a clean descriptor by its file too', async () => {
  harness = await startHarness();
  const path = harness.file('good.bin', 'hello');
  const client = new UnixClient(harness.native, harness.socketPath);
  const fd = openSync(path, 'r');
  try {
    client.sendWithFd('zFILDES\0\0', fd);
    await client.toEnd();
  } finally {
    closeSync(fd);
  }
  await until(() => harness.logLines.some((line) => line.includes(`"name":"${path}"`)));
});

describe('SELFCHECK', () => {
  test('answers after the look at the files, and everybody else in the meantime', async () => {
    let answer: (word: SelfCheckAnswer) => void = () => undefined;
    harness = await startHarness({
      actions: {
        reload: () => undefined,
        shutdown: () => undefined,
        selfCheck: () => new Promise((resolve) => (answer = resolve)),
      },
    });
    const client = new UnixClient(harness.native, harness.socketPath);
    client.send('zSELFCHECK\0');
    expect(await answerTo('zPING\0')).toBe('PONG\0');
    await pauseMs(50);
    expect(client.received).toBe('');
    answer('reloading');
    expect(await client.toEnd()).toBe('RELOADING\0');
  });

  test('whose client left is answered to nobody', async () => {
    let answer: ((word: SelfCheckAnswer) => void) | undefined;
    harness = await startHarness({
      actions: {
        reload: () => undefined,
        shutdown: () => undefined,
        selfCheck: () => new Promise((resolve) => (answer = resolve)),
      },
    });
    const client = new UnixClient(harness.native, harness.socketPath);
    client.send('zSELFCHECK\0');
    await until(() => answer !== undefined);
    client.close();
    await until(() => harness.server.connections === 0);
    answer?.('upToDate');
    expect(await answerTo('zPING\0')).toBe('PONG\0');
  });
});

describe('MULTISCAN', () => {
  const REFUSED = 'Not enough threads for multiscan. Increase MaxThreads. ERROR';

  test('of anything but a file is refused with MaxThreads 1, under the argument as it was sent', async () => {
    harness = await startHarness({
      limits: { streamMaxBytes: 1000, pendingJobsMax: 10, threadsMax: 1, connectionsMax: 10 },
    });
    const path = harness.file('clean.bin', 'hello');
    mkdirSync(join(harness.directory, 'sub'));
    symlinkSync(join(harness.directory, 'sub'), join(harness.directory, 'link'));
    symlinkSync('/no/such', join(harness.directory, 'dangling'));
    for (const argument of [
      `${harness.directory}/sub`,
      `/${harness.directory}/sub//`,
      `${harness.directory}/link`,
      `${harness.directory}/dangling`,
      '/no/such',
      '',
    ]) {
      expect(await answerTo(`zMULTISCAN ${argument}\0`)).toBe(`${argument}: ${REFUSED}\0`);
    }
    expect(await answerTo(`zMULTISCAN ${path}\0`)).toBe(`${path}: OK\0`);
    expect(await answerTo(`zCONTSCAN ${harness.directory}\0`)).toBe(`${harness.directory}: OK\0`);
  });

  test('runs MaxThreads - 1 times at once', async () => {
    harness = await startHarness({
      limits: { streamMaxBytes: 1000, pendingJobsMax: 10, threadsMax: 2, connectionsMax: 10 },
    });
    harness.file('clean.bin', 'hello');
    harness.scanner.mode = 'hold';
    const first = new UnixClient(harness.native, harness.socketPath);
    first.send(`zMULTISCAN ${harness.directory}\0`);
    await until(() => harness.scanner.jobs.length === 1);
    expect(await answerTo(`nMULTISCAN ${harness.directory}\n`)).toBe(`${harness.directory}: ${REFUSED}\n`);
    harness.scanner.mode = 'soon';
    harness.scanner.finishAll();
    expect(await first.toEnd()).toBe(`${harness.directory}: OK\0`);
    expect(await answerTo(`nMULTISCAN ${harness.directory}\n`)).toBe(`${harness.directory}: OK\n`);
  });
});
