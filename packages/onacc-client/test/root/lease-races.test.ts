import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { EICAR, PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(120_000);

const SECONDS = 10;
const FILES = 6;

/**
 * One process a file writes EICAR or clean bytes into it, by a mapping or by pwrite(2), closes it and opens it for reading at
 * once: with EICAR in it, it must be refused. Meanwhile others open all the files, so that marks and leases come at any moment.
 * With CLEAN in it nobody may be refused.
 */
const RACES = `
import json, mmap, os, random, sys, time
directory, eicar, seconds, files = sys.argv[1], sys.argv[2].encode(), float(sys.argv[3]), int(sys.argv[4])
clean = b'c' * len(eicar)
names = [f'{directory}/race-{index}' for index in range(files)]
end = time.monotonic() + seconds

def look(name):
    try:
        fd = os.open(name, os.O_RDONLY)
    except PermissionError:
        return 'refused'
    content = os.read(fd, 100)
    os.close(fd)
    return 'eicar' if content == eicar else 'clean'

def open_for_writing(name):
    try:
        return os.open(name, os.O_RDWR)
    except PermissionError:
        os.truncate(name, 0)
        fd = os.open(name, os.O_RDWR)
        os.ftruncate(fd, len(eicar))
        return fd

def own(index):
    chance, name = random.Random(index), names[index]
    found = {'opens': 0, 'missed': 0, 'wronglyRefused': 0, 'writeOpenMsMax': 0}
    while time.monotonic() < end:
        content = chance.choice((eicar, clean, clean))
        began = time.monotonic()
        fd = open_for_writing(name)
        found['writeOpenMsMax'] = max(found['writeOpenMsMax'], int((time.monotonic() - began) * 1000))
        if chance.randrange(2):
            memory = mmap.mmap(fd, len(eicar))
            os.close(fd)
            memory[:] = chance.choice((content, clean))
            time.sleep(chance.random() * 0.03)
            memory[:] = content
            memory.close()
        else:
            os.pwrite(fd, content, 0)
            os.close(fd)
        for again in range(chance.randrange(1, 5)):
            seen = look(name)
            found['opens'] += 1
            found['missed'] += content == eicar and seen != 'refused'
            found['wronglyRefused'] += content == clean and seen == 'refused'
            time.sleep(chance.choice((0, 0.03, 0.06)))
    print(json.dumps(found), flush=True)

def read(index):
    chance = random.Random(1000 + index)
    while time.monotonic() < end:
        look(chance.choice(names))

for name in names:
    with open(name, 'wb') as file:
        file.write(clean)
    os.chmod(name, 0o666)
children = []
for role, count in ((own, files), (read, 3)):
    for index in range(count):
        child = os.fork()
        if child == 0:
            role(index)
            os._exit(0)
        children.append(child)
for child in children:
    os.waitpid(child, 0)
`;

interface Found {
  readonly opens: number;
  readonly missed: number;
  readonly wronglyRefused: number;
  readonly writeOpenMsMax: number;
}

describeOrSkip('lease-guarded marks under writers', await whyNot('python3'), () => {
  describeIfFanotify('on a real kernel', () => {
    const pair = new PairFixture();

    afterEach(async () => {
      await pair.stop();
    });

    test('nothing infected that was closed is ever opened, and no writer waits long', async () => {
      await pair.startDaemon();
      const client = await pair.startClient();
      const { stdout } = await promisify(execFile)(
        'timeout',
        ['-k', '5', '60', 'python3', '-c', RACES, pair.guarded, EICAR, String(SECONDS), String(FILES)],
        { maxBuffer: 1024 * 1024 },
      );
      const found = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Found); // our own script's output
      expect(found).toHaveLength(FILES);
      expect(found.map(({ missed }) => missed)).toEqual(found.map(() => 0));
      expect(found.map(({ wronglyRefused }) => wronglyRefused)).toEqual(found.map(() => 0));
      expect(Math.max(...found.map(({ writeOpenMsMax }) => writeOpenMsMax))).toBeLessThan(10_000);
      expect(Math.min(...found.map(({ opens }) => opens))).toBeGreaterThan(0);
      await client.stop();
      const { kernelMarks } = await client.said('stopping');
      expect(kernelMarks).toBeGreaterThan(0);
    });
  });
});
