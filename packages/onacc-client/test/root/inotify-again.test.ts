import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { cat } from '../openers/opener.js';
import { EICAR, foundPaths, PairFixture, told, until } from '../pair-fixture.js';

jest.setTimeout(60_000);

const INOTIFY = { ONACC_INTERFACE: 'inotify' };
const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

describeOrSkip('ONACC_INTERFACE=inotify: the same file again', notRoot, () => {
  let pair: PairFixture;

  beforeEach(() => {
    pair = new PairFixture(['OnAccessExcludeRootUID yes']);
  });
  afterEach(async () => {
    await pair.stop();
  });

  test('an infected file is told of whenever it is opened, and not by itself; that nobody is excluded is said', async () => {
    await pair.startDaemon();
    const path = pair.write('eicar', EICAR);
    const client = await pair.startClient(INOTIFY);
    await until('it is said', () =>
      told(client, 'remark').some(({ msg }) => msg.includes('OnAccessExcludeRootUID have no effect')),
    );
    for (let times = 1; times <= 2; times += 1) {
      await cat(path);
      await until(`it is told of ${times} times`, () => foundPaths(client).length === times);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(foundPaths(client)).toHaveLength(times);
    }
  });
});
