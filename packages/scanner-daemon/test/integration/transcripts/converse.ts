import type { NativeApi } from '@portcullis/shared/native';
import type { Site } from '../daemon-process.js';
import { pauseMs } from '../server-harness.js';
import type { OpenFds } from './open-fds.js';
import { QUIET_MS, ROOT } from './script.js';
import type { Outcome, Script, Step } from './script.js';
import { steadyBytes } from './steady-bytes.js';
import { TcpWireClient, UnixWireClient } from './wire-client.js';
import type { WireClient } from './wire-client.js';

const HEAR_MAX_MS = 5000;
const POLL_MS = 5;

/** Who is spoken to, and how patiently. */
export interface Conversation {
  readonly site: Site;
  readonly native: NativeApi;
  readonly fds: OpenFds;
  /** The length of a `pause` step. */
  readonly stepPauseMs: number;
  /** What shall come, where that is known: no need to wait for more once it has. */
  readonly expected?: Outcome | undefined;
}

/** How long an open connection is listened to after all that was expected has come. */
const NOTHING_MORE_MS = 250;
const EXPECTED_MAX_MS = 8000;

/** Plays one script against a daemon. @returns what came back. */
export async function converse(script: Script, talk: Conversation): Promise<Outcome> {
  const client =
    script.over === 'unix'
      ? new UnixWireClient(talk.native, talk.site.socketPath)
      : new TcpWireClient(talk.site.tcpPort);
  const steady = (): string => steadyBytes(client.received, talk.site.root, script);
  try {
    for (const step of script.steps) await perform(step, client, talk);
    await (talk.expected === undefined
      ? untilQuiet(client, script.quietMs)
      : untilExpected(client, talk.expected, { steady, quietMs: script.quietMs }));
    return { received: steady(), ended: client.ended };
  } finally {
    client.close();
  }
}

async function perform(step: Step, client: WireClient, talk: Conversation): Promise<void> {
  const filledIn = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(ROOT, talk.site.root), 'latin1');
  if (typeof step === 'string') {
    await client.send(filledIn(step));
    return;
  }
  switch (step.kind) {
    case 'bytewise':
      for (const byte of filledIn(step.bytes)) {
        await client.send(Buffer.of(byte));
        await pauseMs(1);
      }
      return;
    case 'fds':
      await client.sendWithFds(
        filledIn(step.bytes),
        step.fds.map((kind) => talk.fds.numbers[kind]),
      );
      return;
    case 'hear': {
      const text = step.text.replaceAll(ROOT, talk.site.root);
      await until(() => client.received.includes(text) || client.ended !== 'open', HEAR_MAX_MS);
      return;
    }
    case 'pause':
      await pauseMs(talk.stepPauseMs);
      return;
    case 'halfClose':
      client.halfClose();
      return;
  }
}

/** Until the end, or until nothing has come for so long. */
async function untilQuiet(client: WireClient, quietMs: number): Promise<void> {
  let lastBytes = -1;
  while (client.ended === 'open' && client.received.length !== lastBytes) {
    lastBytes = client.received.length;
    await until(() => client.ended !== 'open' || client.received.length !== lastBytes, quietMs);
  }
}

async function untilExpected(
  client: WireClient,
  expected: Outcome,
  { steady, quietMs }: { steady: () => string; quietMs: number },
): Promise<void> {
  const isThere = (): boolean => expected.ended === 'open' && steady() === expected.received;
  await until(() => client.ended !== 'open' || isThere(), EXPECTED_MAX_MS);
  const stillMs = quietMs > QUIET_MS ? quietMs : NOTHING_MORE_MS;
  await until(() => client.ended !== 'open' || !isThere(), stillMs);
}

async function until(holds: () => boolean, maxMs: number): Promise<void> {
  const deadlineAtMs = performance.now() + maxMs;
  while (!holds() && performance.now() < deadlineAtMs) await pauseMs(POLL_MS);
}
