import { BenchError } from '../bench-error.js';
import { countRefused } from '../openers/run-openers.js';
import type { Contender, RunContext } from './contender.js';

/** No guard at all: what the machine can do. */
export const bare: Contender = {
  name: 'bare',
  unavailable: () => undefined,
  async start(context) {
    await verifyUnguarded(context);
    const verify = () => verifyUnguarded(context);
    return { readyMs: 0, clientPid: 0, verify, stop: () => Promise.resolve() };
  },
};

async function verifyUnguarded(context: RunContext): Promise<void> {
  const refused = await countRefused(context, context.probes);
  if (refused === 0) return;
  throw new BenchError(
    'BENCH_NOT_READY',
    `bare: ${refused} probes are refused, so another guard watches the directory`,
  );
}
