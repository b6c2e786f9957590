import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { createInterface } from 'node:readline';
import { afterEach, expect, jest, test } from '@jest/globals';
import { emptyFileStatus, openNative } from '@portcullis/shared/native';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { readLeaseDevices } from '../../src/gate/lease-devices.js';
import { LEASE_MAX_MS } from '../../src/gate/lease-releaser.js';
import { cat } from '../openers/opener.js';
import { ask, EICAR, openFds, PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
/** Well below lease-break-time (45 s), which a writer would wait for if nobody let go of the lease. */
const AT_ONCE_MS = 5_000;
const OPENS = 20;
/** A scan, an answer from the cache before the mark was set, and as much again for luck. */
const EVENTS_MAX = 5;

/** Does one thing to a file, says how many milliseconds that took, stores EICAR if that is in its input, and waits for the end of it. */
const WRITER = `
import mmap, os, sys, time
how, path = sys.argv[1:3]
began = time.monotonic()
if how == 'truncate':
    os.truncate(path, 0)
fd = os.open(path, os.O_RDWR | (os.O_TRUNC if how == 'O_TRUNC' else 0))
print(int((time.monotonic() - began) * 1000), flush=True)
content = sys.stdin.readline().rstrip('\\n').encode()
if how == 'mapped':
    memory = mmap.mmap(fd, 0)
    os.close(fd)
    memory[0:len(content)] = content
elif how != 'none':
    os.ftruncate(fd, 0)
    os.pwrite(fd, content, 0)
    os.close(fd)
print('stored', flush=True)
sys.stdin.readline()
`;

type Writing = 'write' | 'mapped' | 'truncate' | 'O_TRUNC' | 'none';

/** @returns how long the opening took, in milliseconds; `then` is called when the content is in the file and the writer is still there */
async function writeAs(how: Writing, path: string, then: () => Promise<void>): Promise<number> {
  const writer = execFile('timeout', ['-k', '5', '60', 'python3', '-c', WRITER, how, path]);
  if (writer.stdout === null) throw new Error('no pipe');
  const lines = createInterface(writer.stdout);
  const says = async (): Promise<string> =>
    new Promise((resolve, reject) => {
      lines.once('line', resolve);
      writer.once('close', () => {
        reject(new Error('the writer has ended'));
      });
    });
  try {
    const openMs = Number(await says());
    const stored = says();
    writer.stdin?.write(`${EICAR}\n`);
    await stored;
    await then();
    return openMs;
  } finally {
    writer.stdin?.end('\n');
  }
}

async function whyNoLeases(): Promise<string | undefined> {
  const python = await whyNot('python3');
  if (python !== undefined) return python;
  const { files } = openNative();
  const status = emptyFileStatus();
  files.statusOfPath(tmpdir(), status);
  const device = `${status.devMajor}:${status.devMinor}`;
  const devices = await readLeaseDevices(files);
  return devices.includes(device) ? undefined : `${tmpdir()} is on ${device}, which is not there for good`;
}

/** For {@link writeAs}: the opening alone matters. */
async function nothing(): Promise<void> {
  await sleep(0);
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describeOrSkip('lease-guarded marks', await whyNoLeases(), () => {
  describeIfFanotify('on a real kernel', () => {
    let pair: PairFixture;
    let client: ChildProgram;

    afterEach(async () => {
      await pair.stop();
    });

    /** A pair, and clean files that anybody may write to, opened often enough that the kernel asks no more. */
    async function start(
      names: readonly string[],
      through?: readonly [string, ...string[]],
    ): Promise<string[]> {
      pair = new PairFixture();
      await pair.startDaemon();
      client = pair.launchClient({}, [], through === undefined ? {} : { through });
      await client.said('protecting');
      const paths = names.map((name) => {
        const path = pair.write(name, 'a clean file '.padEnd(EICAR.length, '.'));
        chmodSync(path, 0o666);
        return path;
      });
      await sleep(100);
      for (let opens = 0; opens < 4; opens += 1) for (const path of paths) await cat(path);
      return paths;
    }

    test('a clean file that anybody may write to is asked about a few times, however often it is opened', async () => {
      const [path = ''] = await start(['file']);
      for (let opens = 4; opens < OPENS; opens += 1) expect(await cat(path)).toContain('clean');
      await client.stop();
      const { events, kernelMarks } = await client.said('stopping');
      expect(kernelMarks).toBeGreaterThan(0);
      expect(events).toBeLessThanOrEqual(EVENTS_MAX);
    });

    test.each(['write', 'mapped', 'truncate', 'O_TRUNC'] as const)(
      '%s: let through at once, and what was written is refused while the writer is there and afterwards',
      async (how) => {
        const [path = '', other = ''] = await start(['file', 'other']);
        const openMs = await writeAs(how, path, async () => {
          expect(await cat(path)).toMatch(REFUSED);
        });
        expect(openMs).toBeLessThan(AT_ONCE_MS);
        await sleep(100);
        expect(await cat(path)).toMatch(REFUSED);
        expect(await cat(other)).toContain('clean');
      },
    );

    test('new signatures: what was clean before is judged anew, and nothing is held any more', async () => {
      const [path = ''] = await start(['file']);
      pair.writeSignatures('a clean file');
      await ask(pair.socketPath, 'RELOAD');
      const giveUpAtMs = Date.now() + 30_000;
      let said = '';
      while (!REFUSED.test(said) && Date.now() < giveUpAtMs) said = await cat(path);
      expect(said).toMatch(REFUSED);
    });

    test('SIGKILL frees every lease at once', async () => {
      const [path = ''] = await start(['file']);
      process.kill(client.pid, 'SIGKILL');
      await client.ended;
      expect(await writeAs('none', path, nothing)).toBeLessThan(AT_ONCE_MS);
    });

    test('with no room for signals that carry a descriptor, writers are let through all the same', async () => {
      const [path = '', other = ''] = await start(['file', 'other'], ['prlimit', '--sigpending=0', '--']);
      for (const name of [path, other]) {
        const openMs = await writeAs('mapped', name, async () => {
          expect(await cat(name)).toMatch(REFUSED);
        });
        expect(openMs).toBeLessThan(AT_ONCE_MS);
      }
      await client.stop();
      expect((await client.said('stopping'))['kernelMarks']).toBeGreaterThan(0);
    });

    test('the files that are held are let go of after a while, and a stop lets go of all', async () => {
      pair = new PairFixture();
      await pair.startDaemon();
      client = await pair.startClient();
      const names = Array.from({ length: 300 }, (_, index) => `${pair.guarded}/many-${index}`);
      for (const name of names) {
        writeFileSync(name, 'clean');
        chmodSync(name, 0o666);
      }
      await sleep(100);
      const before = openFds(client.pid);
      const readAll = async (): Promise<void> => {
        await promisify(execFile)('cat', names);
      };
      for (let times = 0; times < 3; times += 1) await readAll();
      const held = openFds(client.pid) - before;
      expect(held).toBeGreaterThan(names.length / 2);
      expect(held).toBeLessThanOrEqual(names.length * 2);
      await sleep(LEASE_MAX_MS + 3_000);
      expect(openFds(client.pid) - before).toBeLessThan(20);
      await readAll();
      expect(openFds(client.pid) - before).toBeGreaterThan(names.length / 2);
      await client.stop();
      const [first = ''] = names;
      expect(await writeAs('none', first, nothing)).toBeLessThan(AT_ONCE_MS);
    });
  });
});
