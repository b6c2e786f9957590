import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { startDebianClamd } from '../clients/debian-clamd.js';
import { ask, instream, MARKER, type DaemonProcess, type Site } from '../daemon-process.js';
import { createEngineSite, PLAIN_TESTFILE, startWithLibclamav, whyNoLibclamav } from './engine-site.js';

const SAMPLES = fileURLToPath(
  new URL('../../../../test/integration/libclamav/option-samples.py', import.meta.url),
);

interface Case {
  readonly lines: readonly string[];
  /** Words of the answers for some files: that the option has done something. */
  readonly expected: Readonly<Record<string, string>>;
}

const CASES: Readonly<Record<string, Case>> = {
  'no option': {
    lines: [],
    expected: {
      'packed.zip': 'FOUND',
      'encrypted.zip': 'OK',
      'broken.exe': 'OK',
      large: 'FOUND',
      cards: 'OK',
      'cursor.ani': 'Heuristics.',
    },
  },
  'ScanArchive no': { lines: ['ScanArchive no'], expected: { 'packed.zip': 'OK', 'plain.exe': 'FOUND' } },
  'AlertEncrypted yes': {
    lines: ['AlertEncrypted yes'],
    expected: { 'encrypted.zip': 'Heuristics.Encrypted.Zip FOUND' },
  },
  'AlertBrokenExecutables yes': {
    lines: ['AlertBrokenExecutables yes'],
    expected: { 'broken.exe': 'Heuristics.Broken.Executable FOUND' },
  },
  'MaxFileSize 1M': { lines: ['MaxFileSize 1M'], expected: { large: 'OK', marked: 'FOUND' } },
  'MaxFileSize with AlertExceedsMax': {
    lines: ['MaxFileSize 1M', 'AlertExceedsMax yes'],
    expected: { large: 'Heuristics.Limits.Exceeded.MaxFileSize FOUND' },
  },
  'MaxScanSize with AlertExceedsMax': {
    lines: ['MaxScanSize 1M', 'AlertExceedsMax yes'],
    expected: { 'large.zip': 'Heuristics.Limits.Exceeded' },
  },
  'MaxScanSize 1M': { lines: ['MaxScanSize 1M'], expected: { 'large.zip': 'OK' } },
  'HeuristicAlerts no': { lines: ['HeuristicAlerts no'], expected: { 'cursor.ani': 'OK' } },
  'DetectPUA yes': { lines: ['DetectPUA yes'], expected: { clean: 'PUA.Test.Clean.UNOFFICIAL FOUND' } },
  'StructuredDataDetection yes': {
    lines: ['StructuredDataDetection yes'],
    expected: {
      cards: 'Heuristics.Structured.CreditCardNumber FOUND',
      ssns: 'Heuristics.Structured.SSN FOUND',
    },
  },
};

/** A sample's answer in a log: with ExtendedDetectionInfo it has the sample's hash and size. */
const LOGGED = /files\/(?:marked|packed[.]zip): .* FOUND/g;

describeOrSkip('options of clamd.conf that libclamav obeys, as in clamd', whyNoLibclamav, () => {
  let site: Site;
  let daemon: DaemonProcess | undefined;
  let base: string;

  beforeAll(async () => {
    site = await createEngineSite(['DisableCache yes']);
    base = site.read('clamd.conf');
    site.put('files/.keep', '');
    site.put('db/test.ndu', `PUA.Test.Clean:0:0:${Buffer.from('nothing to see').toString('hex')}\n`);
    execFileSync('python3', [SAMPLES, join(site.root, 'files'), PLAIN_TESTFILE, MARKER]);
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
  });
  afterAll(() => {
    site.remove();
  });

  const judge = async (socketPath: string): Promise<Record<string, string>> => {
    const replies: Record<string, string> = {};
    for (const name of readdirSync(join(site.root, 'files'))) {
      const path = join(site.root, 'files', name);
      replies[name] = await ask(socketPath, `zSCAN ${path}\0`);
      replies[`all of ${name}`] = await ask(socketPath, `zALLMATCHSCAN ${path}\0`);
      replies[`upload of ${name}`] = await ask(socketPath, instream(readFileSync(path)));
    }
    return replies;
  };

  test.each(Object.entries(CASES))(
    '%s',
    async (_name, { lines, expected }) => {
      site.put('clamd.conf', [base, ...lines, ''].join('\n'));
      const clamd = await startDebianClamd(site, ['DisableCache yes', ...lines]);
      const wanted = await judge(clamd.socketPath);
      await clamd.stop();
      daemon = await startWithLibclamav(site);
      const judged = await judge(site.socketPath);
      expect(judged).toEqual(wanted);
      for (const [name, words] of Object.entries(expected)) expect(judged[name]).toContain(words);
    },
    60_000,
  );

  test('ExtendedDetectionInfo yes, in the log', async () => {
    const lines = ['ExtendedDetectionInfo yes', 'DisableCache yes'];
    site.put('clamd.conf', [base, ...lines, ''].join('\n'));
    const clamd = await startDebianClamd(site, [...lines, `LogFile ${join(site.root, 'debian.log')}`]);
    await judge(clamd.socketPath);
    await clamd.stop();
    const before = site.read('clamd.log').length;
    daemon = await startWithLibclamav(site);
    await judge(site.socketPath);
    const logged = site.read('clamd.log').slice(before).match(LOGGED);
    expect(logged).toEqual(site.read('debian.log').match(LOGGED));
    expect(logged?.join('')).toMatch(/Test[.]Marker[.]UNOFFICIAL\([0-9a-f]{32}:\d+\) FOUND/);
  }, 60_000);
});
