import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LoadedDatabase } from '../database/loaded-database.js';
import type { LoadOutcome, LoadTask } from '../worker/load-task.js';
import { DatabaseReloader, loadInThread } from './database-reloader.js';
import { hasDatabaseChanged } from './self-check.js';

const ENTRY = new URL('../worker/load-thread.js', import.meta.url);
const never = new AbortController().signal;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reload-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function put(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const ignore = { serving: new AbortController().signal, onRemark: () => undefined, onEnded: () => undefined };

function task(source: string): LoadTask {
  const none = { setting: 'no', systemdCache: undefined, xdgCacheHome: undefined };
  return { sources: { directory: source }, image: none };
}

const SIGNATURE = 'Test.Sig:0:*:6d616c7761726521';

describe('loadInThread', () => {
  test('brings a database over on shared memory', async () => {
    put('a.ndb', `${SIGNATURE}\n`);
    const message = await loadInThread(ENTRY, task(directory), never, ignore);
    expect(message).toMatchObject({ kind: 'loaded', loaded: { signatureCount: 1 } });
    if (message.kind !== 'loaded') throw new Error('not loaded');
    const { buffer } = message.loaded.compiled.names.bytes;
    expect(Object.prototype.toString.call(buffer)).toBe('[object SharedArrayBuffer]');
  });

  test('says why a database cannot be loaded', async () => {
    const path = put('a.ndb', 'nonsense\n');
    expect(await loadInThread(ENTRY, task(directory), never, ignore)).toMatchObject({
      kind: 'failed',
      failure: { text: 'Malformed database', context: { path, line: 1 } },
    });
  });

  test('a thread that dies is a failure too', async () => {
    const entry = new URL('data:text/javascript,process.exit(1)');
    expect(await loadInThread(entry, task(directory), never, ignore)).toMatchObject({
      kind: 'failed',
      failure: { text: 'Unspecified error' },
    });
  });

  test('can be given up', async () => {
    const entry = new URL('data:text/javascript,for(;;);');
    const message = await loadInThread(entry, task(directory), AbortSignal.timeout(100), ignore);
    expect(message.kind).toBe('failed');
  });

  test('does not go on with what was given up before it began', async () => {
    const entry = new URL('data:text/javascript,for(;;);');
    expect((await loadInThread(entry, task(directory), AbortSignal.abort(), ignore)).kind).toBe('failed');
  });
});

describe('DatabaseReloader', () => {
  function createReloader() {
    const log: string[] = [];
    const waiting: ((message: LoadOutcome) => void)[] = [];
    const reloader = new DatabaseReloader({
      load: () => new Promise((resolve) => waiting.push(resolve)),
      onBegin: () => log.push('begin'),
      onLoaded: ({ signatureCount }) => log.push(`loaded ${signatureCount}`),
      onFailed: ({ text }) => log.push(`failed ${text}`),
    });
    const answer = async (message: LoadOutcome): Promise<void> => {
      waiting.shift()?.(message);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { reloader, log, answer };
  }

  const loaded: LoadOutcome = { kind: 'loaded', loaded: { signatureCount: 7 } as unknown as LoadedDatabase };
  const failed: LoadOutcome = { kind: 'failed', failure: { text: 'Malformed database', context: {} } };

  test('merges the requests that come during a reload into one more', async () => {
    const { reloader, log, answer } = createReloader();
    for (let n = 0; n < 5; n += 1) reloader.request();
    await answer(loaded);
    expect(log).toEqual(['begin', 'loaded 7', 'begin']);
    await answer(failed);
    expect(log).toEqual(['begin', 'loaded 7', 'begin', 'failed Malformed database']);
    expect(reloader.isBusy).toBe(false);
  });

  test('swaps nothing after it was stopped', async () => {
    const { reloader, log, answer } = createReloader();
    reloader.request();
    const stopped = reloader.stop();
    await answer(loaded);
    await stopped;
    reloader.request();
    expect(log).toEqual(['begin']);
  });
});

describe('hasDatabaseChanged', () => {
  test('sees new files and new times, not removed files or foreign ones', async () => {
    const path = put('a.ndb', SIGNATURE);
    const message = await loadInThread(ENTRY, task(directory), never, ignore);
    if (message.kind !== 'loaded') throw new Error('not loaded');
    const { files } = message.loaded;
    const changed = (): Promise<boolean> => hasDatabaseChanged([directory], files, false);
    expect(await changed()).toBe(false);
    put('readme.txt', 'x');
    expect(await changed()).toBe(false);
    utimesSync(path, 1, 1);
    expect(await changed()).toBe(true);
    rmSync(path);
    expect(await changed()).toBe(false);
    put('b.hdb', 'x');
    expect(await changed()).toBe(true);
  });
});
