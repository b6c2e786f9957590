import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { encodePath } from '@portcullis/shared/native';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { EICAR, foundPaths, PairFixture, until } from '../pair-fixture.js';

jest.setTimeout(120_000);

const run = promisify(execFile);
/** Prints what an open(2) of the path, given by its bytes in hexadecimal, comes to. */
const OPENER = `
import errno, os, sys
try:
    os.close(os.open(bytes.fromhex(sys.argv[1]), os.O_RDONLY))
    print('opened')
except OSError as error:
    print(errno.errorcode[error.errno])
`;

async function open(path: string): Promise<string> {
  const { stdout } = await run('python3', ['-c', OPENER, encodePath(path).toString('hex')], {
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  return stdout.trim();
}

/** Names with bytes that are no UTF-8 are written as `decodePath` puts them: `\udcff` for the byte ff. */
describeIfFanotify('a directory whose name is no UTF-8', () => {
  let pair: PairFixture;

  beforeEach(async () => {
    pair = new PairFixture();
    await pair.startDaemon();
  });
  afterEach(async () => {
    await pair.stop();
  });

  const at = (...names: string[]): string => [pair.guarded, ...names].join('/');

  function makeInfected(...names: string[]): string {
    const directory = at(...names);
    mkdirSync(encodePath(directory), { recursive: true });
    const path = `${directory}/eicar`;
    writeFileSync(encodePath(path), EICAR);
    return path;
  }

  /** The mark of what is new or moved follows the event: what an open comes to from then on. */
  async function comesTo(path: string, result: string): Promise<void> {
    let last = '';
    for (const endMs = Date.now() + 20_000; last !== result && Date.now() < endMs;) last = await open(path);
    expect(last).toBe(result);
  }

  test('is protected when it is there at the start, and nested in another one', async () => {
    const paths = [makeInfected('bad\udcff'), makeInfected('bad\udcff', 'plain', '\udcc3\udcc3')];
    const clean = at('bad\udcff', 'clean\udcfe');
    writeFileSync(encodePath(clean), 'clean');
    await pair.startClient();
    for (const path of paths) expect(await open(path)).toBe('EPERM');
    expect(await open(clean)).toBe('opened');
  });

  test('is protected when it is made later, when its name changes, and no longer when it is moved out', async () => {
    await pair.startClient();
    await comesTo(makeInfected('new\udcff'), 'EPERM');
    await comesTo(makeInfected('new\udcff', '\udcfe', 'x'), 'EPERM');

    renameSync(encodePath(at('new\udcff')), at('plain'));
    await comesTo(at('plain', 'eicar'), 'EPERM');
    await comesTo(makeInfected('plain', '\udcfe', 'later'), 'EPERM');

    renameSync(at('plain'), encodePath(at('back\udced\udca0\udc80')));
    await comesTo(at('back\udced\udca0\udc80', '\udcfe', 'x', 'eicar'), 'EPERM');
    await comesTo(makeInfected('back\udced\udca0\udc80', '\udcfe', 'last'), 'EPERM');

    const outside = `${pair.path('out')}\udcff`;
    renameSync(encodePath(at('back\udced\udca0\udc80')), encodePath(outside));
    await comesTo(`${outside}/eicar`, 'opened');
    await comesTo(`${outside}/\udcfe/last/eicar`, 'opened');
  });

  test('is left out where OnAccessExcludePath says so by its bytes', async () => {
    await pair.stop();
    pair = new PairFixture([`OnAccessExcludePath /bad[^a-z]$`]);
    await pair.startDaemon();
    const [excluded, refused] = [makeInfected('bad\udcff'), makeInfected('bad\udcff\udcff')];
    await pair.startClient();
    expect(await open(refused)).toBe('EPERM');
    expect(await open(excluded)).toBe('opened');
  });

  async function isTold(client: ChildProgram, shown: string): Promise<void> {
    await until(`${shown} is told of`, () => foundPaths(client).includes(shown));
  }

  test('is shown with its bytes as escapes, in the log of the program and in the file of --log', async () => {
    const path = makeInfected('bad\udcff');
    const client = await pair.startClient({}, [`--log=${pair.path('log')}`]);
    expect(await open(path)).toBe('EPERM');
    const shown = `${at('bad')}\\xff/eicar`;
    await isTold(client, shown);
    await until('the file has it', () => readFileSync(pair.path('log'), 'latin1').includes(`${shown}: `));
  });

  test('what arrives in it is told of by ONACC_INTERFACE=inotify', async () => {
    const client = await pair.startClient({ ONACC_INTERFACE: 'inotify' });
    makeInfected('new\udcff', 'x\udcfe');
    await isTold(client, `${at('new')}\\xff/x\\xfe/eicar`);
    const odd = at('eicar\udcff');
    writeFileSync(encodePath(odd), EICAR);
    await isTold(client, `${at('eicar')}\\xff`);
  });

  test('what is moved into it is scanned with OnAccessExtraScanning', async () => {
    await pair.stop();
    pair = new PairFixture(['OnAccessExtraScanning yes', 'OnAccessPrevention no']);
    await pair.startDaemon();
    mkdirSync(encodePath(at('bad\udcff')));
    const client = await pair.startClient();
    writeFileSync(pair.path('eicar'), EICAR);
    renameSync(pair.path('eicar'), encodePath(at('bad\udcff', 'moved\udcfe')));
    await isTold(client, `${at('bad')}\\xff/moved\\xfe`);
  });
});
