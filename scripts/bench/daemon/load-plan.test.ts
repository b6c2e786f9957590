import { expect, test } from '@jest/globals';
import { parseLoadReport, parsePingReport } from './load-plan.js';

test('parseLoadReport: takes a whole report and refuses one with a gap or without a request', () => {
  const report = { requests: 3, bytes: 12_288, elapsedMs: 20.5, cpuMs: 4 };
  expect(parseLoadReport(JSON.stringify(report))).toEqual(report);
  for (const broken of [
    { ...report, cpuMs: undefined },
    { ...report, bytes: '12' },
    { ...report, requests: 0 },
    { ...report, elapsedMs: -1 },
    null,
    [],
  ])
    expect(() => parseLoadReport(JSON.stringify(broken))).toThrow('not a load report');
});

test('parsePingReport: takes latencies and refuses none or one that is no number', () => {
  expect(parsePingReport('{"latenciesMs":[0.5,1],"unanswered":0}')).toEqual({
    latenciesMs: [0.5, 1],
    unanswered: 0,
  });
  for (const broken of [
    '{"latenciesMs":[],"unanswered":0}',
    '{"latenciesMs":[1,null],"unanswered":0}',
    '{"latenciesMs":[1]}',
    '7',
  ])
    expect(() => parsePingReport(broken)).toThrow('not a PING report');
});
