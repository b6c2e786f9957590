import { closeSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import {
  CL_CLEAN,
  CL_ETIMEOUT,
  CL_VIRUS,
  type ScanRequestOptions,
  type ScanResult,
} from '../engine/libclamav/binding.js';
import { SCAN_GENERAL, SCAN_HEURISTIC } from '../engine/libclamav/engine-fields.js';
import type { LibclamavSettings } from '../engine/libclamav/engine-settings.js';
import { createLaneScan, type LaneScan, type LaneScanOptions } from './lane-scan.js';
import type { LaneRequest } from './lane-wire.js';

interface Call extends ScanRequestOptions {
  readonly fd: number;
  readonly name: string | undefined;
}

let directory: ReturnType<typeof makeTempDir>;
let calls: Call[];
/** What each call comes to, and what it calls back with. */
let results: (ScanResult & { readonly names?: readonly string[] })[];
let fdsBefore: number;
const openFds = (): number => readdirSync('/proc/self/fd').length;

beforeEach(() => {
  directory = makeTempDir('scan-');
  [calls, results] = [[], []];
  fdsBefore = openFds();
});

afterEach(() => {
  directory.remove();
  expect(openFds()).toBe(fdsBefore);
});

function createScan(more: Partial<LaneScanOptions> & { heuristic?: number } = {}): LaneScan {
  let names: readonly string[] = [];
  const scanOptions = {
    ...{ general: SCAN_GENERAL.heuristics, parse: 0xff, mail: 0, dev: 0 },
    heuristic: more.heuristic ?? SCAN_HEURISTIC.exceedsMax,
  };
  const settings: LibclamavSettings = {
    numbers: [],
    strings: [],
    databaseOptions: 0,
    scanOptions,
    debug: false,
  };
  return createLaneScan({
    calls: {
      scan(fd, name, options) {
        // The words are read while the call lasts.
        calls.push({
          fd,
          name: name === null ? undefined : Buffer.from(name).toString('latin1'),
          ...options,
        });
        const result = results.shift() ?? { code: CL_CLEAN, signatureName: undefined };
        names = result.names ?? [];
        return result;
      },
      errorText: (code) => `error ${code}`,
    },
    files: openNative().files,
    settings,
    followFileSymlinks: false,
    sampleDetections: false,
    engineOf: (generation) => {
      if (generation > 9) throw new Error('no such database');
      return BigInt(generation) * 16n;
    },
    context: 3,
    takeNames: () => {
      const taken = names;
      names = [];
      return taken;
    },
    ...more,
  });
}

function fileWith(text: string, name = 'file'): string {
  const path = `${directory.path}/${name}`;
  writeFileSync(path, text);
  return path;
}

const onPath = (path: string, allMatch = false): LaneRequest => ({
  ...{ jobId: 1, generation: 2, allMatch },
  path: Buffer.from(path),
});
const onFd: LaneRequest = { jobId: 1, generation: 2, allMatch: false, path: undefined };
const infected = (...names: string[]): unknown => ({ kind: 'infected', signatureNames: names });
const failed = (message: string): unknown => ({ kind: 'failed', message });

describe('what is scanned', () => {
  test('is the descriptor that came along, which stays open, without a name', () => {
    const fd = openSync(fileWith('x'), 'r');
    expect(createScan()(onFd, fd)).toEqual({ kind: 'clean' });
    expect(calls).toMatchObject([{ fd, name: undefined, engine: 32n, context: 3 }]);
    closeSync(fd);
  });

  test('is what the path leads to, with its name, and is closed', () => {
    const path = fileWith('x');
    createScan()(onPath(path), undefined);
    expect(calls).toMatchObject([{ name: `${path}\0` }]);
  });

  test('a path that leads to no file is not scanned', () => {
    mkdirSync(`${directory.path}/d`);
    symlinkSync(fileWith('x'), `${directory.path}/link`);
    const scan = createScan();
    expect(scan(onPath(`${directory.path}/none`), undefined)).toEqual(failed("Can't open file or directory"));
    expect(scan(onPath(`${directory.path}/d`), undefined)).toEqual(failed("Can't open file or directory"));
    expect(scan(onPath(`${directory.path}/link`), undefined)).toEqual(failed("Can't open file or directory"));
    expect(calls).toEqual([]);
    expect(createScan({ followFileSymlinks: true })(onPath(`${directory.path}/link`), undefined)).toEqual({
      kind: 'clean',
    });
  });

  test('a descriptor that was lost on the way is no clean file', () => {
    expect(createScan()(onFd, undefined)).toEqual(failed("Can't open file or directory"));
  });

  test('an empty file is clean without a call', () => {
    expect(createScan()(onPath(fileWith('')), undefined)).toEqual({ kind: 'clean' });
    expect(calls).toEqual([]);
  });

  test('a descriptor that cannot be read is no clean file', () => {
    const fd = openSync(fileWith('x'), 'a');
    expect(createScan()(onFd, fd)).toEqual(failed("Can't read file"));
    expect(calls).toEqual([]);
    closeSync(fd);
  });

  test('a database that is gone fails the scan, and lets go of the file', () => {
    const request = { ...onPath(fileWith('x')), generation: 10 };
    expect(() => createScan()(request, undefined)).toThrow('no such database');
  });
});

describe('what comes of it', () => {
  test('codes', () => {
    const path = fileWith('x');
    results = [
      { code: CL_VIRUS, signatureName: 'A.B-1' },
      { code: CL_VIRUS, signatureName: '' },
      { code: CL_ETIMEOUT, signatureName: undefined },
      { code: 12, signatureName: undefined },
    ];
    const scan = createScan();
    expect(Array.from({ length: 4 }, () => scan(onPath(path), undefined))).toEqual([
      infected('A.B-1'),
      infected('Unnamed'),
      failed('Exceeded time limit'),
      failed('error 12'),
    ]);
  });

  test('all matches are asked for, and stand even where the scan then failed', () => {
    results = [{ code: CL_ETIMEOUT, signatureName: undefined, names: ['A', 'B'] }];
    expect(createScan()(onPath(fileWith('x'), true), undefined)).toEqual(infected('A', 'B'));
    expect((calls[0]?.options.general ?? 0) & SCAN_GENERAL.allMatches).toBe(SCAN_GENERAL.allMatches);
  });

  test('the names of one scan are not those of the next', () => {
    results = [
      { code: CL_VIRUS, signatureName: 'A', names: ['A'] },
      { code: CL_CLEAN, signatureName: undefined },
    ];
    const scan = createScan();
    const path = fileWith('x');
    expect(scan(onPath(path), undefined)).toEqual(infected('A'));
    expect(calls[0]?.options.general).toBe(SCAN_GENERAL.heuristics);
    expect(scan(onPath(path, true), undefined)).toEqual({ kind: 'clean' });
  });

  test('a limit is told though its alert is not wanted, and is no detection', () => {
    results = [
      { code: CL_VIRUS, signatureName: 'Heuristics.Limits.Exceeded.MaxFiles' },
      { code: CL_CLEAN, signatureName: undefined },
    ];
    expect(createScan({ heuristic: 0 })(onPath(fileWith('x')), undefined)).toEqual({
      kind: 'incomplete',
      reason: 'tooManyFiles',
    });
    expect(calls.map(({ options }) => options.heuristic)).toEqual([SCAN_HEURISTIC.exceedsMax, 0]);
  });

  test('what was detected has the digest of the file where it is wanted', () => {
    results = [{ code: CL_VIRUS, signatureName: 'A' }];
    const scan = createScan({ sampleDetections: true });
    expect(scan(onPath(fileWith('hello')), undefined)).toEqual({
      ...{ kind: 'infected', signatureNames: ['A'] },
      sample: { md5: '5d41402abc4b2a76b9719d911017c592', sizeBytes: 5 },
    });
  });
});
