import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { createBuiltinScanEngine } from './scheduler/builtin-scan-engine.js';
import { createLogger } from '@portcullis/shared';
import { createDaemonLog } from './daemon-log.js';
import { openDatabase, versionText } from './database-service.js';
import type { DatabaseService, DatabaseServiceOptions } from './database-service.js';
import type { FailureReason } from './failure-actions.js';

const SIGNATURE = 'Test.Sig:0:*:6d616c7761726521\n';
const OTHER = 'Test.Other:0:*:6d616c7761726522\n';

let directory: string;
let lines: string[];
let failures: FailureReason[];
let service: DatabaseService | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'database-service-'));
  lines = [];
  failures = [];
  put('a.ndb', SIGNATURE);
});

afterEach(async () => {
  await service?.stop();
  service = undefined;
  rmSync(directory, { recursive: true });
});

function put(name: string, content: string): void {
  writeFileSync(join(directory, name), content);
}

/** Nothing is scanned here. */
const NO_SCANS = {
  native: openNative(),
  engineOptions: {
    limits: { fileMaxBytes: Infinity, scanMaxBytes: Infinity, scanTimeMaxMs: Infinity },
    followFileSymlinks: false,
  },
  inlineMaxBytes: 0,
  image: { setting: 'no', systemdCache: undefined, xdgCacheHome: undefined },
  onRemark: () => undefined,
};

async function open(options: Partial<DatabaseServiceOptions> = {}): Promise<DatabaseService> {
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    stdoutIsTty: false,
    destination: { write: (line) => void lines.push(line) },
  });
  service = await openDatabase({
    engine: createBuiltinScanEngine(options.sources ?? { directory }, NO_SCANS),
    sources: { directory },
    selfCheckIntervalMs: 0,
    log: createDaemonLog(logger, undefined),
    onFailure: (reason) => void failures.push(reason),
    ...options,
  });
  return service;
}

async function untilLogged(text: string): Promise<void> {
  const deadlineAtMs = performance.now() + 10_000;
  while (!lines.some((line) => line.includes(text))) {
    if (performance.now() > deadlineAtMs) throw new Error(`${text} was not logged:\n${lines.join('')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function container(builtAtSeconds: number): string {
  const fields = ['ClamAV-VDB', '-', '27123', '1', '90', '0'.repeat(32), 'sig', 'me', `${builtAtSeconds}`];
  return fields.join(':').padEnd(512);
}

describe('checkNow', () => {
  test('says that nothing changed, then that something did and reloads it', async () => {
    const { checkNow, holder } = await open();
    expect(await checkNow()).toBe('upToDate');
    put('b.ndb', OTHER);
    expect(await checkNow()).toBe('reloading');
    expect(await checkNow()).toBe('reloading');
    await untilLogged('Activating the newly loaded database');
    expect(holder.current.loaded.signatureCount).toBe(2);
    expect(await checkNow()).toBe('upToDate');
    expect(lines.filter((line) => line.includes('Database modification detected'))).toHaveLength(1);
  });

  test('a bad database is told of and the old one stays', async () => {
    const { checkNow, holder } = await open();
    put('b.ndb', 'nonsense\n');
    expect(await checkNow()).toBe('reloading');
    await untilLogged('reload_th: Database load failed: Malformed database');
    expect(lines.join('')).toContain('b.ndb:1');
    expect(holder.current.generation).toBe(1);
    expect(failures).toEqual(['reloadFailed']);
  });
});

describe('FailIfCvdOlderThan', () => {
  const nowSeconds = Math.floor(Date.now() / 1000);

  test.each([
    ['an old container', 8, 7, 'Virus database is older than 7 days!'],
    ['a day and an hour', 1.05, 1, 'Virus database is older than 1 days!'],
  ])('refuses to start with %s', async (_what, ageDays, maxDays, message) => {
    put('daily.cvd', container(nowSeconds - ageDays * 86_400));
    await expect(open({ cvdAgeMaxDays: maxDays })).rejects.toMatchObject({ code: 'DATABASE', message });
  });

  test('refuses to start with something that is no container', async () => {
    put('daily.cvd', 'garbage');
    await expect(open({ cvdAgeMaxDays: 7 })).rejects.toMatchObject({
      message: 'Broken or not a CVD file',
      context: { path: join(directory, 'daily.cvd') },
    });
  });

  test.each([
    ['0 days', 0],
    ['no limit', undefined],
    ['9 days', 9],
  ])('with %s an eight days old container is read, and found to be forged', async (_what, cvdAgeMaxDays) => {
    put('daily.cvd', container(nowSeconds - 8 * 86_400));
    await expect(open({ cvdAgeMaxDays })).rejects.toMatchObject({
      message: expect.stringContaining("Can't verify database integrity"),
    });
  });
});

test('ConcurrentDatabaseReload no is answered with a line in the log', async () => {
  await open({ concurrentReload: false });
  await untilLogged('ConcurrentDatabaseReload no: the database in use is kept');
});

describe('versionText', () => {
  test('names the program alone while no daily container is in use', () => {
    expect(versionText({ version: 0 })).toBe('ClamAV 1.4.6');
    expect(versionText({ version: 0, versionBuiltAtSeconds: 1 })).toBe('ClamAV 1.4.6');
  });

  test('names the version of the daily container and its local time', () => {
    const builtAt = new Date(2026, 10, 1, 20, 4, 9);
    expect(versionText({ version: 27123, versionBuiltAtSeconds: builtAt.getTime() / 1000 })).toBe(
      'ClamAV 1.4.6/27123/Sun Nov  1 20:04:09 2026',
    );
  });
});
