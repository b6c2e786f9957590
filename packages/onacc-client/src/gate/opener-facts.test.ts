import { describe, expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { OpenerFacts, parseCgroup } from './opener-facts.js';
import { readProcText } from './proc-text.js';

const ID = 'c0ffee'.repeat(10) + 'beef';

describe('OpenerFacts', () => {
  test('the command line of this process, and nothing of one that is gone', () => {
    const facts = new OpenerFacts(new FakeNative().files, readProcText);
    expect(facts.commandLine(process.pid)).toContain(process.argv0);
    expect(facts.commandLine(process.pid)).not.toContain('\0');
    expect(facts.commandLine(2 ** 30)).toBe('');
    expect(facts.cgroup(2 ** 30)).toEqual({ cgroup: '', container: '' });
    expect(facts.cgroup(process.pid).cgroup).toMatch(/^\//);
  });

  test('the parent of this process, and of one whose name looks like the rest of the line', () => {
    const facts = new OpenerFacts(new FakeNative().files, readProcText);
    expect(facts.parentPid(process.pid)).toBe(process.ppid);
    expect(facts.parentPid(2 ** 30)).toBe(0);
    const named = new OpenerFacts(new FakeNative().files, () => '7 (a) S 1 (x\n) R 4711 7 7 0');
    expect(named.parentPid(7)).toBe(4_711);
  });

  test('no more is read of a file under /proc than was asked for', () => {
    expect(readProcText(`/proc/${process.pid}/cmdline`, 3)).toHaveLength(3);
  });
});

describe('OpenerFacts.runsAs', () => {
  const factsOf = (effective: number, status: string): OpenerFacts =>
    new OpenerFacts(
      {
        readLink: () => '',
        statusOfPath: (_path, into) => {
          into.uid = effective;
        },
      },
      () => status,
    );
  const uids = (...four: number[]): string => `Name:\tUid:\t0\nUmask:\t0022\nUid:\t${four.join('\t')}\n`;

  test.each([
    ['root', 0, uids(0, 0, 0, 0), true],
    ['a user in a setuid program of root’s', 0, uids(1000, 0, 0, 0), false],
    ['root for a moment as a user', 1000, uids(0, 1000, 0, 1000), false],
    ['somebody who is gone by then', 0, '', false],
    ['a status that nobody understands', 0, 'Uid: 0', false],
  ])('%s', (_who, effective, status, expected) => {
    expect(factsOf(effective, status).runsAs(4_711, [0])).toBe(expected);
  });
});

describe('parseCgroup', () => {
  test.each([
    ['0::/user.slice/user-0.slice\n', '/user.slice/user-0.slice', ''],
    [`0::/system.slice/docker-${ID}.scope\n`, `/system.slice/docker-${ID}.scope`, ID],
    [`12:memory:/docker/${ID}\n11:cpu,cpuacct:/docker/${ID}\n0::/\n`, `/docker/${ID}`, ID],
    ['3:cpu:/a\n0::/b\n', '/b', ''],
    [`0::/${ID}0\n`, `/${ID}0`, ''],
    ['', '', ''],
    ['rubbish', '', ''],
  ])('%j', (text, cgroup, container) => {
    expect(parseCgroup(text)).toEqual({ cgroup, container });
  });

  test('a long path is cut', () => {
    expect(parseCgroup(`0::/${'x'.repeat(5_000)}\n`).cgroup).toHaveLength(1_024);
  });
});
