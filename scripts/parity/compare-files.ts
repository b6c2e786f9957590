import { messageOf } from '@portcullis/shared';
import type { Question } from './ask.js';
import { isWholeTreeMode } from './modes.js';
import type { ModeName } from './modes.js';
import { pathQuestion, questionAbout } from './questions.js';
import type { FileQuestion } from './questions.js';
import type { Report, Side } from './report.js';
import type { RunningDaemon } from './running-daemon.js';
import { compareTreeLines } from './tree-lines.js';
import { compareAnswers } from './verdicts.js';
import type { AnswerPair } from './verdicts.js';
import { walkFiles } from './walk-files.js';

/** Files under comparison at once: each is asked about at one side, then at the other. */
const lanes = 4;
/** MaxScanTime is 120 s unless the configuration says otherwise. */
const fileMaxMs = 300_000;
const treeMaxMs = 12 * 3600 * 1000;

/** What is compared and where it is counted. */
export interface ComparisonPlan {
  readonly daemons: Readonly<Record<Side, RunningDaemon>>;
  readonly trees: readonly string[];
  readonly filesMax: number | undefined;
  /** Not walked into: the daemons' own files change. */
  readonly exceptDirectory: string;
  readonly report: Report;
  /** Aborted: nothing new is begun, and what is under way does not count. */
  readonly signal: AbortSignal;
}

/**
 * Compares every file of the trees in one mode, and then, where the mode can, each tree in one command.
 *
 * @throws ParityError PARITY_DAEMON_ENDED
 */
export async function compareMode(mode: ModeName, plan: ComparisonPlan): Promise<void> {
  const files = limit(walkTrees(plan), plan.filesMax ?? Infinity);
  const failure = new AbortController();
  const lane = async (first: Side) => {
    // Two lanes may ask for the next at once: an async generator serves them in turn.
    for (let next = await files.next(); next.done !== true; next = await files.next()) {
      if (plan.signal.aborted || failure.signal.aborted) return;
      await compareFile(mode, next.value, { plan, first });
    }
  };
  const settled = await Promise.allSettled(
    Array.from({ length: lanes }, (_, index) =>
      lane(index % 2 === 0 ? 'clamd' : 'ours').catch((reason: unknown) => {
        failure.abort();
        throw reason;
      }),
    ),
  );
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  if (!isWholeTreeMode(mode) || plan.filesMax !== undefined) return;
  for (const tree of plan.trees) {
    if (plan.signal.aborted) return;
    const question = pathQuestion(mode, tree);
    const answers = await askBoth(question, tree, { plan, first: 'clamd', timeoutMs: treeMaxMs });
    if (answers !== undefined) plan.report.addTree(tree, compareTreeLines(mode, answers));
  }
}

async function* walkTrees({ trees, exceptDirectory, report }: ComparisonPlan): AsyncGenerator<string> {
  const onUnreadable = (path: string, why: string) => {
    report.addLeftOut(path, why);
  };
  for (const tree of trees) yield* walkFiles(tree, { exceptDirectory, onUnreadable });
}

async function* limit(files: AsyncGenerator<string>, filesMax: number): AsyncGenerator<string> {
  let count = 0;
  for await (const file of files) {
    yield file;
    count += 1;
    if (count >= filesMax) return;
  }
}

async function compareFile(
  mode: ModeName,
  path: string,
  { plan, first }: { readonly plan: ComparisonPlan; readonly first: Side },
): Promise<void> {
  let question: FileQuestion;
  try {
    question = questionAbout(mode, path);
  } catch (failure) {
    plan.report.addLeftOut(path, messageOf(failure));
    return;
  }
  try {
    const answers = await askBoth(question, path, { plan, first, timeoutMs: fileMaxMs });
    if (answers !== undefined) plan.report.addComparison(path, compareAnswers(mode, path, answers));
  } finally {
    question.close();
  }
}

/**
 * One after the other, so that neither is timed while the other is at the same file.
 *
 * @returns undefined when the run was aborted meanwhile
 */
async function askBoth(
  question: Question,
  path: string,
  options: { readonly plan: ComparisonPlan; readonly first: Side; readonly timeoutMs: number },
): Promise<AnswerPair | undefined> {
  const { daemons, report, signal } = options.plan;
  const askOne = async (side: Side) => {
    const beganAtMs = performance.now();
    const answer = await daemons[side].ask(question, options.timeoutMs);
    report.addWait(side, performance.now() - beganAtMs);
    if (answer.kind === 'noAnswer' && !signal.aborted) await daemons[side].throwIfEnded(path);
    return answer;
  };
  if (options.first === 'clamd') {
    const clamd = await askOne('clamd');
    const ours = await askOne('ours');
    return signal.aborted ? undefined : { clamd, ours };
  }
  const ours = await askOne('ours');
  const clamd = await askOne('clamd');
  return signal.aborted ? undefined : { clamd, ours };
}
