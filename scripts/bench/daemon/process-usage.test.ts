import { expect, test } from '@jest/globals';
import { ProcessKeeper } from '../process-keeper.js';
import { descendantsOf, parseStat, readTreeUsage } from './process-usage.js';

test('parseStat: reads the parent and the CPU time behind a name with blanks and brackets', () => {
  const line = '42 (a) b) c) S 7 42 42 0 -1 4194304 1 2 3 4 150 25 0 0 20 0 11 0 99 1 2';
  expect(parseStat(line)).toEqual({ parentPid: 7, cpuTicks: 175 });
  expect(parseStat('')).toBeUndefined();
  expect(parseStat('42 (x) S 7')).toBeUndefined();
});

test('descendantsOf: finds all generations, also those with a lower pid than their parent, and nobody else', () => {
  const parents = new Map([
    [10, 1],
    [900, 10],
    [3, 900],
    [901, 1],
  ]);
  const processes = new Map([...parents].map(([pid, parentPid]) => [pid, { parentPid }]));
  expect([...descendantsOf(10, processes)].sort((left, right) => left - right)).toEqual([3, 900]);
  expect(descendantsOf(5, processes)).toEqual([]);
});

test('readTreeUsage: sees the memory and the CPU time of a child below timeout(1)', async () => {
  const keeper = new ProcessKeeper();
  const script =
    'const end = Date.now() + 300; while (Date.now() < end); console.log("done"); setInterval(() => 0, 1000)';
  const child = keeper.start({ command: [process.execPath, '-e', script], lifetimeSeconds: 30 });
  await child.spoke;
  const usage = readTreeUsage(child.pid);
  await keeper.close();
  expect(usage.residentBytes).toBeGreaterThan(10_000_000);
  expect(usage.residentPeakBytes).toBeGreaterThanOrEqual(usage.residentBytes);
  expect(usage.cpuMs).toBeGreaterThan(20);
  expect(readTreeUsage(child.pid)).toEqual({ cpuMs: 0, residentBytes: 0, residentPeakBytes: 0 });
});
