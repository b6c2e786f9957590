import { describe, expect, test } from '@jest/globals';
import { WatchIssueLog, weakensProtection } from './watch-issue.js';
import type { WatchIssue } from './watch-issue.js';

function newLog(listedMax = 10) {
  const told: WatchIssue[] = [];
  return { told, log: new WatchIssueLog((issue) => told.push(issue), listedMax) };
}

describe('WatchIssueLog', () => {
  test('tells of an issue once and counts its repetitions', () => {
    const { log, told } = newLog();
    for (let times = 0; times < 3; times += 1) log.add('/r/a', 'notRead', 'EACCES');
    expect(told).toEqual([{ path: '/r/a', what: 'notRead', code: 'EACCES', count: 1 }]);
    expect(log.at('/r')).toEqual([{ path: '/r/a', what: 'notRead', code: 'EACCES', count: 3 }]);
  });

  test('lists at most as many as it may and counts the rest', () => {
    const { log, told } = newLog(2);
    for (const path of ['/a', '/b', '/c', '/d']) log.add(path, 'notMarked', 'ENOSPC');
    expect(told).toHaveLength(2);
    expect(log.unlisted).toBe(2);
    log.forget('/a');
    log.add('/e', 'notMarked', 'ENOSPC');
    expect(told).toHaveLength(3);
  });

  test('forgets a path, or all below a path, or everything', () => {
    const { log } = newLog();
    for (const path of ['/r', '/r/a', '/r/a/b', '/rest']) log.add(path, 'notRead', 'EIO');
    log.forgetBelow('/r/a');
    expect(log.at('/r').map((issue) => issue.path)).toEqual(['/r', '/r/a']);
    log.forget('/r');
    expect(log.at('/r').map((issue) => issue.path)).toEqual(['/r/a']);
    log.beginAnew();
    expect(log.at('/')).toEqual([]);
  });
});

describe('WatchIssueLog while everything is looked at again', () => {
  test('does not tell again of what it told before, and tells of what changed', () => {
    const { log, told } = newLog();
    log.add('/r/a', 'notRead', 'EIO');
    log.add('/r/b', 'notRead', 'EIO');
    log.beginAnew();
    log.add('/r/a', 'notRead', 'EIO');
    log.add('/r/b', 'notRead', 'EACCES');
    expect(told.map(({ path, code }) => `${path} ${code}`)).toEqual(['/r/a EIO', '/r/b EIO', '/r/b EACCES']);
    log.endAnew();
    log.forget('/r/a');
    log.add('/r/a', 'notRead', 'EIO');
    expect(told).toHaveLength(4);
  });

  test('knows whether a further try may help', () => {
    const { log } = newLog();
    log.add('/r', 'rootMissing', 'ENOENT');
    expect(log.isWorthRetrying).toBe(false);
    log.add('/r', 'notFollowed', 'ENOSPC');
    expect(log.isWorthRetrying).toBe(true);
    log.beginAnew();
    expect(log.isWorthRetrying).toBe(false);
  });
});

test('an issue that somebody can do something about says what', () => {
  const { log, told } = newLog();
  log.add('/r', 'notFollowed', 'ENOSPC');
  log.add('/r', 'notFollowed', 'ENOSPC');
  expect(told[0]?.advice).toContain('fs.inotify.max_user_watches');
  expect(log.at('/r')).toMatchObject([{ count: 2, advice: told[0]?.advice }]);
});

describe('weakensProtection', () => {
  test('is false for what is only worth knowing', () => {
    const issue = { path: '/r', code: 'X', count: 1 };
    expect(weakensProtection({ ...issue, what: 'vanished' })).toBe(false);
    expect(weakensProtection({ ...issue, what: 'otherDevice' })).toBe(false);
    expect(weakensProtection({ ...issue, what: 'notMarked' })).toBe(true);
    expect(weakensProtection({ ...issue, what: 'directoryLimit' })).toBe(true);
  });
});
