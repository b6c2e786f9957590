import { beforeAll, describe, expect, test } from '@jest/globals';
import { readAllGolden, readGolden } from './golden-files.js';
import { isAsExpected, play, whyNotHere } from './play-topics.js';
import { describeSteps } from './script.js';
import type { Ending, Outcome, Script } from './script.js';
import { serveOurs } from './served-daemon.js';
import { TOPICS } from './topics.js';

const PLAY_MAX_MS = 180_000;

const golden = readAllGolden(TOPICS);

let ours: Map<Script, readonly Outcome[]>;

beforeAll(async () => {
  ours = await play([...golden.keys()], {
    serve: serveOurs,
    isOurs: true,
    times: 1,
    expected: expectedOfUs,
  });
}, PLAY_MAX_MS);

/** clamd's own answer, or ours where we mean to differ; and never a reset, which would cost a client the reply. */
function expectedOfUs(script: Script): Outcome | undefined {
  const row = golden.get(script);
  if (row === undefined) return undefined;
  const ended: Ending = row.ended === 'open' ? 'open' : 'eof';
  return { ...row, ended, ...script.differs };
}

describe.each(TOPICS)('transcripts of Debian’s clamd: $name', (topic) => {
  const rows = readGolden(topic);

  test('every script was recorded, with the steps it has now, under a name of its own', () => {
    expect(Object.keys(rows)).toEqual(topic.scripts.map(({ name }) => name));
    expect(Object.values(rows).map(({ sent }) => sent)).toEqual(
      topic.scripts.map(({ steps }) => describeSteps(steps)),
    );
  });

  for (const script of topic.scripts) {
    const whyNot = whyNotHere(script);
    if (whyNot !== undefined) {
      process.stderr.write(`SKIPPED ${script.name}: ${whyNot}\n`);
      test.skip(`${script.name} (skipped: ${whyNot})`, () => undefined);
      continue;
    }
    const title =
      script.differs === undefined
        ? script.name
        : `${script.name}, where we differ: ${script.differs.because}`;
    test(title, () => {
      const expected = expectedOfUs(script);
      const outcome = ours.get(script)?.[0];
      if (outcome === undefined || expected === undefined) throw new Error('never played');
      if (!isAsExpected(outcome, expected)) {
        const { received, ended, exitCode } = expected;
        expect(outcome).toEqual({ received, ended, ...(exitCode === undefined ? {} : { exitCode }) });
      }
      const row = golden.get(script);
      if (script.differs !== undefined && row !== undefined && isAsExpected(outcome, row)) {
        throw new Error('there is no difference any more: remove `differs`');
      }
    });
  }
});
