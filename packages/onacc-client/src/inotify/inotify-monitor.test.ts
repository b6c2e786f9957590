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
import { constants, emptyFileStatus, openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { keyOf } from '../gate/file-key.js';
import type { FileOutcome } from '../scan/file-observer.js';
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
  let nowMs: number;

  /** As the scanner does it: our own open is an event like any other. */
  async function scan(
    name: string,
    kind: FileOutcome['kind'],
    meanwhile = (): void => undefined,
  ): Promise<void> {
    const path = `${directory.path}/${name}`;
    monitor.onBegin(path);
    const fd = openSync(path, 'r');
    const status = emptyFileStatus();
    native.files.status(fd, status);
    meanwhile();
    await settle();
    closeSync(fd);
    monitor.onEnd(path, { kind, key: keyOf(status) });
    await settle();
  }

  beforeEach(() => {
    directory = makeTempDir('inotify-monitor-');
    told = [];
    overflows = 0;
    nowMs = 1_000;
    monitor = new InotifyMonitor({
      native,
      maxFileBytes: 1_000,
      cacheEntriesMax: 64,
      onFile: (path) => told.push(path.slice(directory.path.length + 1)),
      nowMs: () => nowMs,
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

  test('tells of a written file once a version that is clean, however often it is opened', async () => {
    const path = `${directory.path}/file`;
    writeFileSync(path, 'content');
    await settle();
    for (let times = 0; times < 5; times += 1) readFileSync(path);
    await settle();
    expect(told).toEqual(['file']); // its scan is yet to come
    await scan('file', 'clean');
    nowMs += 60_000;
    readFileSync(path);
    await settle();
    expect(told).toEqual(['file']);
    appendFileSync(path, ' and more');
    await settle();
    expect(told).toEqual(['file', 'file']);
    await scan('file', 'clean');
    monitor.forgetJudged();
    readFileSync(path);
    await settle();
    expect(told).toHaveLength(3);
  });

  test('tells of a version that is not clean whenever it is opened, but not of our own opens', async () => {
    writeFileSync(`${directory.path}/file`, 'content');
    await settle();
    for (let times = 1; times < 4; times += 1) {
      expect(told).toHaveLength(times);
      await scan('file', 'notClean');
      expect(told).toHaveLength(times); // no loop
      nowMs += 1_001;
      readFileSync(`${directory.path}/file`);
      await settle();
    }
    // Written at once after a scan: that was not us.
    await scan('file', 'notClean');
    appendFileSync(`${directory.path}/file`, 'more');
    await settle();
    expect(told).toHaveLength(5);
  });

  test('what is dropped before it is opened is told of again at the next open', async () => {
    writeFileSync(`${directory.path}/file`, 'content');
    await settle();
    monitor.onEnd(`${directory.path}/file`, { kind: 'notClean' });
    readFileSync(`${directory.path}/file`);
    await settle();
    expect(told).toEqual(['file', 'file']);
  });

  test.each(['clean', 'notClean'] as const)(
    'what is written during a scan that ends %s is told of',
    async (kind) => {
      writeFileSync(`${directory.path}/file`, 'content');
      await settle();
      await scan('file', kind, () => {
        appendFileSync(`${directory.path}/file`, 'more');
      });
      expect(told).toEqual(['file', 'file']);
      await scan('file', kind);
      expect(told).toEqual(['file', 'file']);
    },
  );

  test('our own open is known as ours also where its event is read after the scan', async () => {
    const path = `${directory.path}/file`;
    writeFileSync(path, 'content');
    await settle();
    monitor.onBegin(path);
    readFileSync(path);
    monitor.onEnd(path, { kind: 'notClean' });
    await settle();
    expect(told).toEqual(['file']);
  });

  test('a version that was just judged is not told of for a close of somebody who wrote nothing', async () => {
    writeFileSync(`${directory.path}/file`, 'content');
    await settle();
    await scan('file', 'notClean', () => {
      closeSync(openSync(`${directory.path}/file`, 'a'));
    });
    expect(told).toEqual(['file']);
  });

  test('a scan that began under other signatures is not remembered', async () => {
    writeFileSync(`${directory.path}/file`, 'content');
    await settle();
    await scan('file', 'clean', () => {
      monitor.forgetJudged();
    });
    readFileSync(`${directory.path}/file`);
    await settle();
    expect(told).toEqual(['file', 'file']);
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
