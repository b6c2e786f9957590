import { afterEach, describe, expect, test } from '@jest/globals';
import { WOULD_BLOCK } from '@portcullis/shared/native';
import { OutputQueue } from './output-queue.js';
import { OUTPUT_HIGH_WATER_BYTES, OUTPUT_MAX_BYTES } from './server-config.js';
import { TurnEnd } from './turn-end.js';

/** A socket that takes what it is told to. */
function build(stallMs = 10_000) {
  const calls: string[] = [];
  const sent: string[] = [];
  let room = Number.POSITIVE_INFINITY;
  let failure: Error | undefined;
  const queue = new OutputQueue(
    {
      write(bytes) {
        if (failure !== undefined) throw failure;
        if (room === 0) return WOULD_BLOCK;
        const taken = Math.min(room, bytes.length);
        room -= taken;
        sent.push(bytes.subarray(0, taken).toString());
        return taken;
      },
      wantWritable: (wanted) => void calls.push(`writable ${wanted}`),
      onEmpty: () => void calls.push('empty'),
      onDrained: () => void calls.push('drained'),
      onFailed: (reason) => {
        calls.push(reason);
        queue.close();
      },
    },
    { turnEnd: new TurnEnd(), stallMs },
  );
  queues.push(queue);
  return {
    ...{ queue, calls, sent },
    setRoom: (bytes: number) => (room = bytes),
    fail: () => (failure = new Error('EPIPE')),
  };
}

let queues: OutputQueue[] = [];
const turn = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  for (const queue of queues) queue.close();
  queues = [];
});

describe('OutputQueue', () => {
  test('sends everything of one turn at its end, at once', async () => {
    const { queue, sent, calls } = build();
    for (const text of ['a', 'b', 'c']) queue.append(Buffer.from(text));
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual(['abc']);
    expect(calls).toEqual(['empty']);
  });

  test('keeps what the kernel does not take, in order', async () => {
    const { queue, sent, calls, setRoom } = build();
    setRoom(2);
    queue.append(Buffer.from('abcd'));
    await turn();
    queue.append(Buffer.from('ef'));
    await turn();
    expect(queue.queuedBytes).toBe(4);
    setRoom(100);
    queue.flush();
    expect(sent.join('')).toBe('abcdef');
    expect(calls).toEqual(['writable true', 'writable false', 'empty']);
  });

  test('tells when a congested client has caught up', async () => {
    const { queue, calls, setRoom } = build();
    setRoom(0);
    queue.append(Buffer.alloc(OUTPUT_HIGH_WATER_BYTES));
    expect(queue.congested).toBe(true);
    await turn();
    setRoom(Number.POSITIVE_INFINITY);
    queue.flush();
    expect(queue.congested).toBe(false);
    expect(calls).toEqual(['writable true', 'writable false', 'drained', 'empty']);
  });

  test('gives a client up that takes nothing for too long', async () => {
    const { queue, calls, setRoom } = build(20);
    setRoom(0);
    queue.append(Buffer.from('x'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toEqual(['writable true', 'stalled']);
  });

  test('progress starts that clock anew', async () => {
    const { queue, calls, setRoom } = build(60);
    setRoom(0);
    queue.append(Buffer.alloc(100));
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      setRoom(1);
      queue.flush();
    }
    expect(calls).toEqual(['writable true']);
  });

  test('gives a client up that is gone, and one that is owed too much', async () => {
    const gone = build();
    gone.fail();
    gone.queue.append(Buffer.from('x'));
    const greedy = build();
    greedy.queue.append(Buffer.alloc(OUTPUT_MAX_BYTES + 1));
    await turn();
    expect(gone.calls).toEqual(['gone']);
    expect(greedy.calls).toEqual(['stalled']);
  });

  test('takes nothing more once closed', async () => {
    const { queue, sent } = build();
    queue.append(Buffer.from('a'));
    queue.close();
    queue.append(Buffer.from('b'));
    await turn();
    expect(sent).toEqual([]);
    expect(queue.queuedBytes).toBe(0);
  });
});
