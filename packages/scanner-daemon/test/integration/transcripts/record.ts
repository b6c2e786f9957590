import { play, whyNotHere } from './play-topics.js';
import { writeGolden } from './golden-files.js';
import type { Ending, Outcome, Script } from './script.js';
import { serveClamd, whyNoClamd } from './served-daemon.js';
import { TOPICS } from './topics.js';

const TIMES = 3;

/** Records every golden file anew from Debian's clamd (README.md beside this file). */
async function record(): Promise<void> {
  const reason = whyNoClamd();
  if (reason !== undefined) throw new Error(reason);
  const scripts = TOPICS.flatMap((topic) => topic.scripts);
  for (const script of scripts) {
    const whyNot = whyNotHere(script);
    if (whyNot !== undefined) throw new Error(`${script.name}: ${whyNot}`);
  }
  const played = await play(scripts, { serve: serveClamd, isOurs: false, times: TIMES });
  const steady = new Map<Script, Outcome>();
  for (const [script, outcomes] of played) {
    const outcome = script.race === undefined ? agreed(outcomes) : fullest(outcomes);
    if (outcome === undefined) {
      process.exitCode = 1;
      process.stderr.write(
        `refused, differs from time to time: ${script.name} ${JSON.stringify(outcomes)}\n`,
      );
    } else steady.set(script, outcome);
  }
  for (const topic of TOPICS) writeGolden(topic, steady);
  process.stdout.write(`${steady.size} transcripts recorded, ${scripts.length - steady.size} refused\n`);
}

/** Whether a client sees an end or a reset may depend on what it has read by then; its bytes may not. */
function agreed(outcomes: readonly Outcome[]): Outcome | undefined {
  const [first] = outcomes;
  if (first === undefined) return undefined;
  const isSame = outcomes.every(
    ({ received, exitCode }) => received === first.received && exitCode === first.exitCode,
  );
  const endings = new Set(outcomes.map(({ ended }) => ended));
  if (!isSame || (endings.size > 1 && endings.has('open'))) return undefined;
  const ended: Ending = endings.size > 1 ? 'eof or reset' : first.ended;
  return { ...first, ended };
}

function fullest(outcomes: readonly Outcome[]): Outcome | undefined {
  return outcomes.toSorted((one, other) => other.received.length - one.received.length)[0];
}

await record();
