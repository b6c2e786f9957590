import { describe, expect, test } from '@jest/globals';
import { Report } from './report.js';

describe('Report', () => {
  test('counts each kind, and the time of each side', () => {
    const report = new Report(10, () => undefined);
    report.addComparison('/a', { kind: 'alike' });
    report.addComparison('/b', { kind: 'alike' });
    report.addComparison('/c', { kind: 'errorsAlike' });
    report.addComparison('/d', { kind: 'different', clamd: 'OK', ours: 'X FOUND' });
    report.addWait('clamd', 1500);
    report.addWait('clamd', 500);
    report.addWait('ours', 250);
    expect(report.summary()).toBe(
      'parity: 4 files, 2 alike, 1 different, 1 errors alike, 2.0 seconds clamd, 0.3 seconds ours',
    );
    expect(report.different).toBe(1);
  });

  test('a tree counts once, and each of its differences is printed', () => {
    const printed: string[] = [];
    const report = new Report(10, (line) => printed.push(line));
    report.addTree('/t', []);
    report.addTree('/t', ['only clamd: a', 'only ours: b']);
    expect(printed).toEqual(['/t (whole): only clamd: a', '/t (whole): only ours: b']);
    expect(report.summary()).toMatch(/^parity: 2 files, 1 alike, 1 different, 0 errors alike, /);
  });

  test('past the bound, differences are only counted', () => {
    const printed: string[] = [];
    const report = new Report(2, (line) => printed.push(line));
    for (const name of ['/a', '/b', '/c', '/d'])
      report.addComparison(name, { kind: 'different', clamd: 'OK', ours: 'X FOUND' });
    expect(printed).toEqual([
      '/a: clamd: OK / ours: X FOUND',
      '/b: clamd: OK / ours: X FOUND',
      '(more than 2: the others are only counted)',
    ]);
    expect(report.different).toBe(4);
  });

  test('a name cannot forge a line', () => {
    const printed: string[] = [];
    const report = new Report(2, (line) => printed.push(line));
    report.addComparison('/a\nparity: 0 files', { kind: 'different', clamd: 'OK', ours: '\u001b[2J' });
    expect(printed).toEqual(['/a\\nparity: 0 files: clamd: OK / ours: \\x1b[2J']);
  });

  test('what was left out is told, and is neither alike nor different', () => {
    const printed: string[] = [];
    const report = new Report(2, (line) => printed.push(line));
    report.addLeftOut('/a', 'EACCES');
    expect(printed).toEqual(['/a: left out: EACCES']);
    expect(report.summary()).toMatch(/^parity: 0 files, 0 alike, 0 different, 0 errors alike, 1 left out, /);
  });
});
