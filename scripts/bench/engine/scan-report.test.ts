import { expect, test } from '@jest/globals';
import { decodeScanReport } from './scan-report.js';

const report = {
  signatureCount: 3,
  loadMs: 1.5,
  from: 'image',
  databaseBytes: 100,
  nameBytes: 10,
  residentBytes: 1000,
  scanCpuMs: 2,
  scanMs: 3,
  files: 1,
  found: ['/a: X FOUND'],
  verdicts: { infected: 1 },
};

test('decodeScanReport: takes what the driver prints', () => {
  expect(decodeScanReport(`${JSON.stringify(report)}\n`)).toEqual(report);
});

test.each([
  ['nothing', ''],
  ['no JSON', 'Segmentation fault'],
  ['null', 'null'],
  ['a missing figure', JSON.stringify({ ...report, scanMs: undefined })],
  ['a negative figure', JSON.stringify({ ...report, scanMs: -1 })],
  ['another origin', JSON.stringify({ ...report, from: 'cache' })],
  ['lines that are none', JSON.stringify({ ...report, found: [1] })],
  ['no verdicts', JSON.stringify({ ...report, verdicts: null })],
])('decodeScanReport: refuses %s', (_, stdout) => {
  expect(() => decodeScanReport(stdout)).toThrow(expect.objectContaining({ code: 'BENCH_CHILD_FAILED' }));
});
