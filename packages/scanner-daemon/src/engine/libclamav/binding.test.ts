import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import { runWithBinding, whyNoLibrary } from '../../libclamav-client/testing/library-under-test.js';

const RUN_MS = 60_000;
const BINDING = new URL('./binding.js', import.meta.url).href;
const SCAN = `
  import { openSync } from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const { openScanCalls } = await import(workerData.binding);
  const calls = openScanCalls(workerData.name);
  const result = calls.scan(openSync(workerData.path, 'r'), Buffer.from('a name\\0'), workerData.scan);
  parentPort.postMessage({ ...result, text: calls.errorText(result.code) });
`;
const OPEN = `
  import { writeFileSync } from 'node:fs';
  import { Worker, threadId } from 'node:worker_threads';
  const settings = {
    numbers: [], strings: [], databaseOptions: 0x2,
    scanOptions: { general: 0, parse: 0xffff, heuristic: 0, mail: 0, dev: 0 }, debug: false,
  };
  const deaf = { onLoading() {}, onCompiling() {}, onVirusFound() {} };
  const failure = async (call) => {
    try { await call(); return undefined; } catch (error) { return { name: error.name, message: error.message }; }
  };
  const library = binding.openLibclamav(undefined);
  const scanInThread = (path, { engine, context, general }) => new Promise((resolve, reject) => {
    const options = { ...settings.scanOptions, general };
    const scan = { engine: engine.address, options, context };
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(SCAN)})), {
      workerData: { binding: ${JSON.stringify(BINDING)}, name: library.facts.name, path, scan },
    });
    let result;
    worker.on('message', (message) => { result = message; });
    worker.on('error', reject);
    worker.on('exit', () => { resolve(result); });
  });
`;
/** `first` and `second`. */
const SIGNATURES = ['Test.One:0:*:6669727374', 'Test.Two:0:*:7365636f6e64'].join('\n');

let directory: ReturnType<typeof makeTempDir>;

beforeEach(() => {
  directory = makeTempDir('binding-');
  writeFileSync(`${directory.path}/sample`, 'the first and the second');
  writeFileSync(`${directory.path}/harmless`, 'the third');
  mkdirSync(`${directory.path}/db`);
  writeFileSync(`${directory.path}/db/test.ndb`, `${SIGNATURES}\n`);
});

afterEach(() => {
  directory.remove();
});

const run = (statements: string): unknown[] =>
  runWithBinding(`${OPEN} const at = ${JSON.stringify(directory.path)}; ${statements}`);

describe('without libclamav', () => {
  test(
    'a library that is not there, and one that is another, are told by their path',
    () => {
      for (const path of ['/nonexistent/libclamav.so', 'libc.so.6', '/etc/passwd']) {
        const [said] = runWithBinding(`
          try { binding.openLibclamav(${JSON.stringify(path)}); tell('opened'); }
          catch (error) { tell([error.name, error.message]); }`);
        expect(said).toEqual(['LibraryError', expect.stringContaining(`${path}: `)]);
      }
    },
    RUN_MS,
  );
});

describeOrSkip('with the installed libclamav', whyNoLibrary(), () => {
  test(
    'says what it is',
    () => {
      const [facts] = run('tell(library.facts);');
      expect(facts).toMatchObject({
        name: expect.stringMatching(/^libclamav\.so\.\d+$/),
        functionalityLevel: expect.any(Number) as unknown,
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      });
    },
    RUN_MS,
  );

  test(
    'loads, compiles, tells progress, scans on another thread and frees',
    () => {
      const said = run(`
        const progress = { loading: 0, compiling: 0 };
        const engine = library.newEngine(settings, at, {
          onLoading: (total, done) => { progress.loading = done / total; },
          onCompiling: (total, done) => { progress.compiling = done / total; },
          onVirusFound() {},
        });
        tell(await engine.load(at + '/db', settings.databaseOptions));
        await engine.compile();
        tell(progress);
        tell(engine.databaseVersion());
        tell(await scanInThread(at + '/sample', { engine, context: 1, general: 0 }));
        tell(await scanInThread(at + '/harmless', { engine, context: 1, general: 0 }));
        await engine.free();
        tell('freed');
      `);
      expect(said).toEqual([
        2,
        { loading: 1, compiling: 1 },
        { version: 0, builtAtSeconds: 0 },
        {
          code: 1,
          signatureName: expect.stringMatching(/^Test\.(One|Two)\.UNOFFICIAL$/) as unknown,
          text: expect.any(String) as unknown,
        },
        { code: 0, text: 'No viruses detected' },
        'freed',
      ]);
    },
    RUN_MS,
  );

  test(
    'a scan on another thread calls back, with its context, on the thread that built the engine',
    () => {
      const said = run(`
        const found = [];
        const engine = library.newEngine(settings, at, {
          ...deaf,
          onVirusFound: (context, name) => { found.push([context, name, threadId]); },
        });
        await engine.load(at + '/db', settings.databaseOptions);
        await engine.compile();
        const scan = (context) => scanInThread(at + '/sample', { engine, context, general: 1 });
        tell((await Promise.all([scan(7), scan(8)])).map(({ code }) => code));
        for (const each of found) tell(each);
        await engine.free();
      `);
      expect(said[0]).toEqual([1, 1]);
      // A text is looked at twice, as it is and normalised.
      expect(new Set(said.slice(1).map(String))).toEqual(
        new Set([
          '7,Test.One.UNOFFICIAL,0',
          '7,Test.Two.UNOFFICIAL,0',
          '8,Test.One.UNOFFICIAL,0',
          '8,Test.Two.UNOFFICIAL,0',
        ]),
      );
    },
    RUN_MS,
  );

  test(
    'what it does not take is told with its text, and the engine can be freed',
    () => {
      writeFileSync(`${directory.path}/broken.ndb`, 'no signature\n');
      const [missing, broken, refused, messages] = run(`
        const messages = [];
        library.onMessage((severity, text) => { messages.push([severity, text]); });
        const load = async (path) => {
          const engine = library.newEngine(settings, at, deaf);
          const failed = await failure(() => engine.load(path, settings.databaseOptions));
          await engine.free();
          return failed;
        };
        tell(await load(at + '/none'));
        tell(await load(at + '/broken.ndb'));
        const numbers = [{ field: 'maxFileSize', value: 1, option: 'MaxFileSize' }];
        const strings = [{ field: 'databaseVersion', value: 'x', option: 'MaxFileSize' }];
        tell(await failure(() => library.newEngine({ ...settings, numbers, strings }, at, deaf)));
        tell(messages);
      `);
      expect(missing).toMatchObject({ name: 'CallError', message: expect.any(String) as unknown });
      expect(broken).toMatchObject({ name: 'CallError', message: 'Malformed database' });
      expect(refused).toMatchObject({
        name: 'CallError',
        message: expect.stringMatching(/^MaxFileSize: /) as unknown,
      });
      expect(messages).toContainEqual(['error', expect.stringContaining('Malformed')]);
    },
    RUN_MS,
  );

  test(
    'a watched directory has changed when a database comes or another time is on one',
    () => {
      const [before, after, added] = run(`
        import { utimesSync } from 'node:fs';
        const first = library.watchDirectory(at + '/db');
        tell(first.hasChanged());
        utimesSync(at + '/db/test.ndb', 1, 1);
        tell(first.hasChanged());
        first.close();
        const second = library.watchDirectory(at + '/db');
        writeFileSync(at + '/db/more.ndb', 'Test.More:0:*:00112233\\n');
        tell(second.hasChanged());
        second.close();
      `);
      expect([before, after, added]).toEqual([false, true, true]);
    },
    RUN_MS,
  );

  test(
    'a directory that is not there cannot be watched',
    () => {
      const [failed] = run(`tell(await failure(() => library.watchDirectory(at + '/none')));`);
      expect(failed).toMatchObject({ name: 'CallError' });
    },
    RUN_MS,
  );
});
