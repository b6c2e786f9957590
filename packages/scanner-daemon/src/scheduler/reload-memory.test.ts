import { expect, test } from '@jest/globals';
import { ReloadMemory } from './reload-memory.js';
import type { ReloadMemoryReport } from './reload-memory.js';

const pauseMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function build(settleMs = 20) {
  const memory = { bytes: 100 };
  const reports: ReloadMemoryReport[] = [];
  const watch = new ReloadMemory({
    onReport: (report) => void reports.push(report),
    rssBytes: () => memory.bytes,
    sampleEveryMs: 2,
    settleMs,
  });
  return { memory, reports, watch };
}

async function untilReported(reports: readonly unknown[], count: number): Promise<void> {
  for (let tries = 0; reports.length < count && tries < 500; tries += 1) await pauseMs(5);
}

test('ReloadMemory reports memory before, at most, and some time after', async () => {
  const { memory, reports, watch } = build();
  watch.begin();
  memory.bytes = 900;
  await pauseMs(200);
  memory.bytes = 400;
  watch.end();
  memory.bytes = 150;
  await untilReported(reports, 1);
  expect(reports).toEqual([{ rssBeforeBytes: 100, rssPeakBytes: 900, rssAfterBytes: 150 }]);
});

test('ReloadMemory reports a reload at the latest when the next one begins', () => {
  const { memory, reports, watch } = build(60_000);
  watch.begin();
  memory.bytes = 300;
  watch.end();
  watch.begin();
  expect(reports).toEqual([{ rssBeforeBytes: 100, rssPeakBytes: 300, rssAfterBytes: 300 }]);
  watch.stop();
});

test('ReloadMemory says nothing once it was stopped', async () => {
  const { reports, watch } = build(1);
  watch.begin();
  watch.end();
  watch.stop();
  await pauseMs(50);
  expect(reports).toEqual([]);
});
