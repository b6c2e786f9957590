import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants, openNative } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { checkListeners, findPermissionListeners } from './listener-checks.js';

let proc: TempDir;

beforeEach(() => {
  proc = makeTempDir('proc-');
});

afterEach(() => {
  proc.remove();
});

function addProcess(pid: number, command: string, flags: readonly string[]): void {
  const directory = `${proc.path}/${pid}`;
  mkdirSync(`${directory}/fd`, { recursive: true });
  mkdirSync(`${directory}/fdinfo`);
  writeFileSync(`${directory}/comm`, `${command}\n`);
  symlinkSync('/dev/null', `${directory}/fd/0`);
  flags.forEach((flag, index) => {
    symlinkSync('anon_inode:[fanotify]', `${directory}/fd/${index + 3}`);
    writeFileSync(`${directory}/fdinfo/${index + 3}`, `pos:\t0\nfanotify flags:${flag} event-flags:8000\n`);
  });
}

describe('findPermissionListeners', () => {
  test('finds groups of the classes that can hold opens up, and no others', () => {
    addProcess(10, 'watcher', ['1', '3']);
    addProcess(11, 'fapolicyd', ['17']);
    addProcess(12, 'hsm', ['3b', '27']);
    addProcess(13, 'shell', []);
    expect(findPermissionListeners(proc.path)).toEqual({
      listeners: [
        { pid: 11, command: 'fapolicyd', groups: 1 },
        { pid: 12, command: 'hsm', groups: 2 },
      ],
      isComplete: true,
    });
  });

  test('a program of an interpreter is named by its command line, made fit for a terminal', () => {
    addProcess(14, 'node', ['17']);
    writeFileSync(`${proc.path}/14/cmdline`, 'node\0/opt/scan.js\0\x1b[2J\0');
    expect(findPermissionListeners(proc.path).listeners).toMatchObject([
      { command: 'node /opt/scan.js \\x1b[2J' },
    ]);
  });

  test('nothing to be seen is nothing found', () => {
    expect(findPermissionListeners(`${proc.path}/none`).listeners).toEqual([]);
  });
});

describe('checkListeners', () => {
  const listeners = [{ pid: 11, command: 'fapolicyd', groups: 1 }];

  test('warns of another listener by its name and pid', () => {
    const [check] = checkListeners({ listeners, isComplete: true }, undefined);
    expect(check).toMatchObject({ level: 'warn', finding: expect.stringContaining('fapolicyd (pid 11)') });
  });

  test('our own client is no other listener', () => {
    expect(checkListeners({ listeners, isComplete: true }, 11)).toMatchObject([{ level: 'ok' }]);
  });

  test('does not claim to have seen what it may not look at', () => {
    expect(checkListeners({ listeners: [], isComplete: false }, undefined)).toMatchObject([
      { level: 'skip' },
    ]);
  });
});

describeIfFanotify('findPermissionListeners on a real kernel', () => {
  test('sees a group of this very process, which marks nothing', () => {
    const { fanotify, files } = openNative();
    const group = fanotify.createGroup(
      constants.FAN_CLOEXEC | constants.FAN_CLASS_CONTENT,
      constants.O_CLOEXEC,
    );
    try {
      const { listeners } = findPermissionListeners();
      expect(listeners.find(({ pid }) => pid === process.pid)?.groups).toBeGreaterThanOrEqual(1);
    } finally {
      files.close(group);
    }
  });
});
