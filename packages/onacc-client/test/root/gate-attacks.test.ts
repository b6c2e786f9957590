import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { MountsFixture, whyNoDisk } from '../filesystems/mounts-fixture.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture, untilTrue, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
/** Longer than a file has to be unchanged before its verdict is kept. */
const SETTLED_MS = 1_000;
const OWN_MOUNT_MAX_MS = 5_000;

/** Maps the file writable, closes it, and stores what comes in its input through the mapping. Its times do not change any more. */
const MAPPER = `
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(fd).st_size
memory = mmap.mmap(fd, size)
memory[0:1] = b'c'
os.close(fd)
for other in os.listdir('/proc/self/fd'):
    try:
        if os.readlink('/proc/self/fd/' + other) == sys.argv[1]: os.close(int(other))
    except OSError:
        pass
print('mapped', flush=True)
content = sys.stdin.readline().rstrip('\\n').encode()
memory[0:size] = content.ljust(size)
print('stored', flush=True)
sys.stdin.readline()
`;

/** Steps of a mapper: it waits before the store and after it. */
async function storeThroughMapping(
  path: string,
  steps: { readonly before: () => Promise<void>; readonly after: () => Promise<void> },
): Promise<void> {
  const mapper = execFile('timeout', ['-k', '5', '60', 'python3', '-c', MAPPER, path]);
  if (mapper.stdout === null) throw new Error('no pipe');
  const lines = createInterface(mapper.stdout);
  const says = async (): Promise<void> =>
    new Promise((resolve, reject) => {
      lines.once('line', () => {
        resolve();
      });
      mapper.once('close', () => {
        reject(new Error('the mapper has ended'));
      });
    });
  try {
    await says();
    await steps.before();
    const stored = says();
    mapper.stdin?.write(`${EICAR}\n`);
    await stored;
    await steps.after();
  } finally {
    mapper.stdin?.end('\n');
  }
}

let mounts: MountsFixture;
let pair: PairFixture | undefined;

beforeEach(() => {
  mounts = new MountsFixture();
});

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
  mounts.remove();
});

async function protect(directory: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  pair = new PairFixture([], { include: [directory] });
  await pair.startDaemon();
  await pair.startClient(env);
}

describeOrSkip('content stored through a mapping that nobody sees', await whyNot('python3'), () => {
  describeIfFanotify('on a real kernel', () => {
    test.each(['tmpfs', 'overlay'] as const)('is found at the next open on %s', async (type) => {
      const reason = type === 'overlay' ? whyNoDisk('ext4') : undefined;
      if (reason !== undefined) return;
      const directory =
        type === 'tmpfs' ? mounts.tmpfs('disk') : mounts.overlay(mounts.disk('ext4'), 'merged').merged;
      const path = `${directory}/f`;
      writeFileSync(path, 'c'.repeat(EICAR.length));
      await protect(directory);
      await storeThroughMapping(path, {
        before: async () => {
          await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
          // Twice: whatever is kept, is kept and served by then.
          for (let times = 0; times < 2; times += 1) expect(await cat(path)).toMatch(/^c+$/);
        },
        after: async () => {
          expect(await cat(path)).toMatch(REFUSED);
        },
      });
    });
  });
});

describeOrSkip('a mount namespace of one’s own', await whyNot('unshare'), () => {
  describeIfFanotify('on a real kernel', () => {
    test('does not take a file out of what is protected, nor the path of a bind mount of ours', async () => {
      const disk = mounts.tmpfs('disk');
      chmodSync(mounts.path, 0o755);
      for (const name of ['in', 'out', 'elsewhere']) mkdirSync(`${disk}/${name}`);
      for (const name of ['in', 'out']) writeFileSync(`${disk}/${name}/eicar`, EICAR);
      chmodSync(disk, 0o755);
      await protect(`${disk}/in`, { ONACC_MARKS: 'filesystem' });
      expect(await cat(`${disk}/in/eicar`)).toMatch(REFUSED);
      expect(await cat(`${disk}/out/eicar`)).toBe(EICAR);
      const inside = `mount --bind ${disk}/in ${disk}/elsewhere && exec cat ${disk}/elsewhere/eicar`;
      const attack = promisify(execFile)('timeout', [
        ...['-k', '5', '30', 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
        ...['unshare', '-Urm', 'sh', '-c', inside],
      ]);
      await expect(attack).rejects.toMatchObject({ stderr: expect.stringMatching(REFUSED) });
      // Documented: under a bind mount of ours the file has the name that we give it.
      const bound = mounts.bind(`${disk}/in`, 'bound');
      // A mount that was made a moment ago may be taken for somebody else's.
      await untilTrue('it has', async () => (await cat(`${bound}/eicar`)) === EICAR, OWN_MOUNT_MAX_MS);
    });
  });
});
