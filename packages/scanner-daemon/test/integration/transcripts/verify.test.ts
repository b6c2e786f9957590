import { beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { readAllGolden } from './golden-files.js';
import { isAsExpected, play, whyNotHere } from './play-topics.js';
import type { Outcome, Script } from './script.js';
import { serveClamd, whyNoClamd } from './served-daemon.js';
import { TOPICS } from './topics.js';

const PLAY_MAX_MS = 180_000;

describeOrSkip('the golden files still say what Debian’s clamd says', whyNoClamd(), () => {
  const recorded = readAllGolden(TOPICS);
  let heard: Map<Script, readonly Outcome[]>;

  beforeAll(async () => {
    heard = await play([...recorded.keys()], {
      serve: serveClamd,
      isOurs: false,
      times: 1,
      expected: (script) => recorded.get(script),
    });
  }, PLAY_MAX_MS);

  test.each(TOPICS)('$name', ({ scripts }) => {
    const strays = scripts.filter((script) => {
      const outcome = heard.get(script)?.[0];
      const expected = recorded.get(script);
      if (whyNotHere(script) !== undefined || expected === undefined || script.race !== undefined)
        return false;
      return outcome === undefined || !isAsExpected(outcome, expected);
    });
    expect(strays.map((script) => ({ name: script.name, heard: heard.get(script)?.[0] }))).toEqual([]);
  });
});
