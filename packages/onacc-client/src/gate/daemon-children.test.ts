import { describe, expect, test } from '@jest/globals';
import { DaemonChildren } from './daemon-children.js';

const DAEMON = 100;
const HOST = 101;
const STRANGER = 102;
const HOOK = 103;
const FORKED = 104;

function family() {
  const parents = new Map([
    [HOST, DAEMON],
    [STRANGER, 1],
    [HOOK, DAEMON],
    [FORKED, DAEMON],
  ]);
  const commandLines = new Map([
    [DAEMON, 'node /opt/bin/scanner-daemon.cjs -F'],
    [FORKED, 'node /opt/bin/scanner-daemon.cjs -F'],
    [HOST, 'node --no-warnings /opt/dist/src/libclamav-host/host-process.js'],
    [STRANGER, 'node /home/me/libclamav-host/host-process.js'],
    [HOOK, '/bin/sh -c notify'],
  ]);
  let asked = 0;
  let now = 0;
  const children = new DaemonChildren({
    facts: {
      parentPid: (pid) => {
        asked += 1;
        return parents.get(pid) ?? 0;
      },
      commandLine: (pid) => commandLines.get(pid) ?? '',
    },
    duty: { isDaemon: (pid) => pid === DAEMON },
    nowMs: () => now,
  });
  return { children, parents, asked: () => asked, pass: (ms: number) => (now += ms) };
}

describe('DaemonChildren', () => {
  test('the host of the daemon is one; one that only calls itself so, a hook, and one that is gone are not', () => {
    const { children } = family();
    expect([HOST, STRANGER, HOOK, 999, 0].map((pid) => children.has(pid))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('a child that has not yet become its program is one', () => {
    expect(family().children.has(FORKED)).toBe(true);
  });

  test('a stranger is looked at once in a second', () => {
    const { children, asked, pass } = family();
    for (let open = 0; open < 100; open += 1) children.has(STRANGER);
    expect(asked()).toBe(1);
    pass(1_000);
    children.has(STRANGER);
    expect(asked()).toBe(2);
  });

  test('a child whose number went to somebody else is none any more', () => {
    const { children, parents } = family();
    expect(children.has(HOST)).toBe(true);
    parents.set(HOST, 1);
    expect(children.has(HOST)).toBe(false);
  });

  test('a number that went from a stranger to a child is one after a second', () => {
    const { children, parents, pass } = family();
    expect(children.has(STRANGER)).toBe(false);
    parents.set(STRANGER, DAEMON);
    expect(children.has(STRANGER)).toBe(false);
    pass(1_000);
    expect(children.has(STRANGER)).toBe(true);
  });

  test('any number of strangers takes a bounded memory', () => {
    const { children, asked } = family();
    for (let pid = 1_000; pid < 6_000; pid += 1) children.has(pid);
    expect(asked()).toBe(5_000);
    expect(children.has(HOST)).toBe(true);
  });
});
