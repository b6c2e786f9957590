import { describe, expect, test } from '@jest/globals';
import type { Connect } from './daemon-connection.js';
import { isCleanReply, LoadClient } from './load-client.js';

const group = { command: 'INSTREAM', clients: 1, sizeBytes: 4096 } as const;

/** A daemon that answers every request in the next turn; counts its connections. */
function createDaemon(answer: (request: number) => string) {
  const counts = { opened: 0, closed: 0, requests: 0 };
  const connect: Connect = ({ onReply }) => {
    counts.opened += 1;
    return {
      send(parts) {
        if (parts[0]?.length === 11) return; // zIDSESSION\0
        counts.requests += 1;
        const reply = answer(counts.requests);
        setImmediate(() => {
          onReply(reply);
        });
      },
      passFd: () => undefined,
      close: () => {
        counts.closed += 1;
      },
    };
  };
  return { counts, connect };
}

const request = Buffer.from('request');

describe('LoadClient', () => {
  test('LoadClient: opens and closes a connection a request, at least one', async () => {
    const { counts, connect } = createDaemon(() => 'stream: OK');
    const client = new LoadClient(connect, { ...group, framing: 'connection' }, (connection) => {
      connection.send([request]);
    });
    await client.run(performance.now() - 1);
    expect(client.requests).toBe(1);
    await client.run(performance.now() + 20);
    expect(client.requests).toBeGreaterThan(1);
    expect(counts).toEqual({ opened: client.requests, closed: client.requests, requests: client.requests });
  });

  test('LoadClient: in a session every reply must have the next number', async () => {
    const { counts, connect } = createDaemon((count) => `${count < 4 ? count : 9}: stream: OK`);
    const client = new LoadClient(connect, { ...group, framing: 'session' }, (connection) => {
      connection.send([request]);
    });
    await expect(client.run(performance.now() + 5000)).rejects.toThrow('9: stream: OK');
    client.close();
    expect(client.requests).toBe(3);
    expect(counts).toMatchObject({ opened: 1, closed: 1 });
  });

  test('LoadClient: anything but OK ends the run', async () => {
    const { connect } = createDaemon(() => 'stream: Eicar FOUND');
    const client = new LoadClient(connect, { ...group, framing: 'connection' }, (connection) => {
      connection.send([request]);
    });
    await expect(client.run(performance.now() + 5000)).rejects.toThrow('FOUND');
  });
});

test('isCleanReply: takes the exact words of the command and the framing only', () => {
  const single = { command: 'INSTREAM', framing: 'connection' } as const;
  const session = { command: 'FILDES', framing: 'session' } as const;
  expect(isCleanReply('stream: OK', single, 1)).toBe(true);
  expect(isCleanReply('stream: OK ', single, 1)).toBe(false);
  expect(isCleanReply('1: stream: OK', single, 1)).toBe(false);
  expect(isCleanReply('7: fd[12]: OK', session, 7)).toBe(true);
  expect(isCleanReply('8: fd[12]: OK', session, 7)).toBe(false);
  expect(isCleanReply('7: fd[12]: Eicar FOUND', session, 7)).toBe(false);
});
