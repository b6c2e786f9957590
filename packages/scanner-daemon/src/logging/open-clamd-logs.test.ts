import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import { openClamdLogs, type ClamdLogs } from './open-clamd-logs.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'clamd-logs-'));
  path = join(directory, 'clamd.log');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(...lines: string[]): ClamdLogs {
  const { config } = readClamdConfig([...lines, ''].join('\n'), 'c');
  if (config === undefined) throw new Error('a mistake in the test');
  return openClamdLogs(config, { native: openNative(), pid: process.pid, onFailure: () => undefined });
}

describe('openClamdLogs', () => {
  test('opens nothing where nothing is asked for', () => {
    expect(open()).toEqual({ file: undefined, all: undefined });
  });

  test('Debug brings the verbose lines, as LogVerbose does', () => {
    for (const [option, expected] of [
      ['Debug yes', 'x\n'],
      ['LogVerbose yes', 'x\n'],
      ['LogTime no', ''],
    ] as const) {
      rmSync(path, { force: true });
      const { all } = open(`LogFile ${path}`, option);
      all?.write('verbose', 'x');
      all?.close();
      expect(readFileSync(path, 'utf8')).toBe(expected);
    }
  });

  test('locks the file unless LogFileUnlock', () => {
    for (const [option, isLocked] of [
      ['LogFileUnlock no', true],
      ['LogFileUnlock yes', false],
    ] as const) {
      const { all } = open(`LogFile ${path}`, option);
      const lock = new RegExp(`OFDLCK .* [0-9a-f:]+:${statSync(path).ino} `);
      expect(lock.test(readFileSync('/proc/locks', 'utf8'))).toBe(isLocked);
      all?.close();
    }
  });

  test('syslog stands beside the file', () => {
    const { file, all } = open(`LogFile ${path}`, 'LogSyslog yes', 'LogClean yes');
    expect(all).not.toBe(file);
    file?.write('info', 'file alone');
    all?.write('info', 'both');
    all?.close();
    expect(readFileSync(path, 'utf8')).toBe('file alone\nboth\n');
    const syslogAlone = open('LogSyslog yes');
    expect(syslogAlone.file).toBeUndefined();
    syslogAlone.all?.close();
  });

  test('a facility that does not exist is refused', () => {
    expect(() => open('LogSyslog yes', 'LogFacility LOG_X')).toThrow('LogFacility: LOG_X: No such facility.');
  });
});
