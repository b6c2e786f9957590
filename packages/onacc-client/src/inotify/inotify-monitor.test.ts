import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants, openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { InotifyMonitor } from './inotify-monitor.js';

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}

describe('InotifyMonitor', () => {
  const native = openNative();
  let directory: ReturnType<typeof makeTempDir>;
  let monitor: InotifyMonitor;
  let told: string[];
  let overflows: number;

  beforeEach(() => {
    directory = makeTempDir('inotify-monitor-');
    told = [];
    overflows = 0;
    monitor = new InotifyMonitor({
      native,
      maxFileBytes: 1_000,
      cacheEntriesMax: 64,
      onFile: (path) => told.push(path.slice(directory.path.length + 1)),
      onOverflow: () => (overflows += 1),
      onFailure: (error) => {
        throw error;
      },
    });
    const { group, mask } = monitor.target;
    monitor.marks.markPath(group, constants.FAN_MARK_ADD, mask, directory.path);
  });

  afterEach(() => {
    monitor.close();
    monitor.close();
    directory.remove();
  });

  test('tells of a written file once a version, however often it is opened', async () => {
    const path = `${directory.path}/file`;
    writeFileSync(path, 'content');
    await settle();
    for (let times = 0; times < 5; times += 1) readFileSync(path);
    await settle();
    expect(told).toEqual(['file']);
    appendFileSync(path, ' and more');
    await settle();
    expect(told).toEqual(['file', 'file']);
    monitor.forgetJudged();
    readFileSync(path);
    await settle();
    expect(told).toHaveLength(3);
  });

  test('tells of what is moved in, and of nothing that is empty, too large or no file', async () => {
    mkdirSync(`${directory.path}/below`);
    closeSync(openSync(`${directory.path}/empty`, 'w'));
    writeFileSync(`${directory.path}/large`, Buffer.alloc(2_000));
    writeFileSync(`${directory.path}/below/file`, 'moved');
    await settle();
    expect(told).toEqual([]);
    renameSync(`${directory.path}/below/file`, `${directory.path}/in`);
    await settle();
    expect(told).toEqual(['in']);
  });

  test('a directory whose mark is removed is not told of any more', async () => {
    const fd = openSync(directory.path, 'r');
    monitor.marks.markFd(monitor.target.group, constants.FAN_MARK_REMOVE, monitor.target.mask, fd);
    closeSync(fd);
    writeFileSync(`${directory.path}/file`, 'content');
    await settle();
    expect(told).toEqual([]);
    expect(monitor.watches).toBe(0);
    expect(overflows).toBe(0);
  });

  test('offers no fanotify groups', () => {
    expect(() => monitor.marks.createGroup(0, 0)).toThrow(expect.objectContaining({ code: 'ENOSYS' }));
  });
});
