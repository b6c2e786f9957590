import { describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import type { AlertsConfig } from './alerts.js';
import { NO_ALERTS, shownVerdict } from './alerts.js';

const ALL: AlertsConfig = {
  exceedsMax: true,
  encrypted: true,
  encryptedArchive: true,
  encryptedDocument: true,
};
const ZIP: ScanVerdict = {
  kind: 'incomplete',
  reason: 'encrypted',
  container: { format: 'Zip', kind: 'archive' },
};
const PDF: ScanVerdict = {
  kind: 'incomplete',
  reason: 'encrypted',
  container: { format: 'PDF', kind: 'document' },
};

describe('shownVerdict', () => {
  // The names that clamd 1.4.6 answered with AlertExceedsMax yes.
  test.each([
    ['fileTooLarge', 'Heuristics.Limits.Exceeded.MaxFileSize'],
    ['scanTooLarge', 'Heuristics.Limits.Exceeded.MaxScanSize'],
    ['tooManyFiles', 'Heuristics.Limits.Exceeded.MaxFiles'],
    ['tooDeep', 'Heuristics.Limits.Exceeded.MaxRecursion'],
    ['timeLimit', 'Heuristics.Limits.Exceeded.MaxScanTime'],
  ] as const)('%s becomes %s with AlertExceedsMax only', (reason, name) => {
    const verdict: ScanVerdict = { kind: 'incomplete', reason };
    expect(shownVerdict(verdict, { ...NO_ALERTS, exceedsMax: true })).toEqual({
      kind: 'infected',
      signatureNames: [name],
    });
    expect(shownVerdict(verdict, { ...ALL, exceedsMax: false })).toBe(verdict);
  });

  test.each([
    [ZIP, { encrypted: true }, 'Heuristics.Encrypted.Zip'],
    [ZIP, { encryptedArchive: true }, 'Heuristics.Encrypted.Zip'],
    [ZIP, { encryptedDocument: true }, undefined],
    [PDF, { encrypted: true }, 'Heuristics.Encrypted.PDF'],
    [PDF, { encryptedArchive: true }, undefined],
    [PDF, { encryptedDocument: true }, 'Heuristics.Encrypted.PDF'],
    [ZIP, { exceedsMax: true }, undefined],
  ])('%j with %j shows %s', (verdict, switches, name) => {
    expect(shownVerdict(verdict, { ...NO_ALERTS, ...switches })).toEqual(
      name === undefined ? verdict : { kind: 'infected', signatureNames: [name] },
    );
  });

  test('an encrypted container keeps its sample, a limit has none', () => {
    const sample = { md5: 'd41d8cd98f00b204e9800998ecf8427e', sizeBytes: 9 };
    expect(shownVerdict({ ...ZIP, sample }, ALL)).toMatchObject({ kind: 'infected', sample });
  });

  test.each<ScanVerdict>([
    { kind: 'clean' },
    { kind: 'infected', signatureNames: ['A'] },
    { kind: 'failed', message: "Can't read file" },
    { kind: 'incomplete', reason: 'cancelled' },
  ])('%j is shown as it is, whatever the switches', (verdict) => {
    expect(shownVerdict(verdict, ALL)).toBe(verdict);
  });
});
