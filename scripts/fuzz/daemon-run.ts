import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@portcullis/shared';
import type { ProcessKeeper } from '../bench/process-keeper.js';
import { createRandom, drawInteger, type Random } from '../bench/random.js';
import { converse } from './converse.js';
import { cutAtRandom } from './cuts.js';
import type { RunOutcome } from './findings.js';
import { FuzzError } from './fuzz-error.js';
import { FuzzedDaemon } from './fuzzed-daemon.js';
import { mutate, type Seeds } from './mutate.js';
import { transcripts } from './targets/transcripts.js';

/** Clients at a time. */
const BATCH_CLIENTS = 48;
/** Batches after which the daemon must hold nothing any more. */
const BATCHES_PER_CENSUS = 12;
const LIFETIME_SLACK_SECONDS = 120;

/** One client's part of a batch. */
interface Talk {
  readonly transport: 'unix' | 'tcp';
  readonly pieces: readonly Buffer[];
  readonly leaveAfterMs: number;
  readonly halfClose: boolean;
}

/** Throws mutated transcripts at a daemon process until the time is up or it is not well. */
export async function runDaemon(options: {
  readonly keeper: ProcessKeeper;
  readonly program: string;
  readonly seed: number;
  readonly seconds: number;
}): Promise<RunOutcome> {
  const { keeper, program, seed, seconds } = options;
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-fuzz-'));
  const lifetimeSeconds = seconds + LIFETIME_SLACK_SECONDS;
  const daemon = await FuzzedDaemon.start({ keeper, directory, program, lifetimeSeconds });
  const random = createRandom(seed);
  const seeds = transcripts(join(daemon.treePath, 'sub'));
  const endsAtMs = performance.now() + seconds * 1000;
  let inputs = 0;
  let sinceCensus: Talk[] = [];
  try {
    for (let batch = 1; performance.now() < endsAtMs; batch += 1) {
      const talks = Array.from({ length: BATCH_CLIENTS }, () => drawTalk(seeds, random));
      sinceCensus.push(...talks);
      inputs += talks.length;
      await Promise.all(talks.map((talk) => hold(talk, daemon)));
      await daemon.expectService();
      if (batch % BATCHES_PER_CENSUS !== 0) continue;
      await daemon.expectNothingHeld();
      sinceCensus = [];
    }
    await daemon.expectNothingHeld();
    return { inputs };
  } catch (error) {
    if (!(error instanceof FuzzError)) throw error;
    return { inputs, finding: { what: messageOf(error), content: describeTalks(sinceCensus) } };
  } finally {
    await daemon.stop();
  }
}

function drawTalk(seeds: Seeds, random: Random): Talk {
  const input = mutate(seeds, random);
  const pieceMaxBytes = random() < 0.3 ? 3 : 4000;
  // A thousand packets a client are enough.
  const isShort = input.length / pieceMaxBytes < 500;
  return {
    transport: random() < 0.5 ? 'unix' : 'tcp',
    pieces: isShort ? cutAtRandom(input, pieceMaxBytes, drawInteger(random, 0, 0x7fff_ffff)) : [input],
    leaveAfterMs: random() < 0.2 ? 0 : 150,
    halfClose: random() < 0.3,
  };
}

async function hold(
  { transport, pieces, leaveAfterMs, halfClose }: Talk,
  daemon: FuzzedDaemon,
): Promise<void> {
  const target = transport === 'unix' ? daemon.socketPath : daemon.tcpPort;
  await converse(target, pieces, { leaveAfterMs, halfClose });
}

function describeTalks(talks: readonly Talk[]): Buffer {
  const lines = talks.map((talk) =>
    JSON.stringify({ ...talk, pieces: talk.pieces.map((piece) => piece.toString('base64')) }),
  );
  return Buffer.from(`[\n${lines.join(',\n')}\n]\n`);
}
