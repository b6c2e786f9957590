import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/shared';
import { createDaemonLog, createFailureHandler } from './daemon-log.js';

function createHandler(options: { exitOnOutOfMemory?: boolean } = {}) {
  const lines: string[] = [];
  const clamdLines: string[] = [];
  const logger = createLogger({
    name: 'scanner-daemon',
    level: 'debug',
    stdoutIsTty: false,
    destination: { write: (line: string) => lines.push(line) },
  });
  const clamdLog = {
    cleanFiles: false,
    write: (severity: string, text: string) => clamdLines.push(`${severity} ${text}`),
    reopen: () => undefined,
    close: () => undefined,
  };
  const clock = { ms: 0 };
  const ended: string[] = [];
  const handler = createFailureHandler({
    log: createDaemonLog(logger, clamdLog),
    terminate: () => ended.push('at once'),
    stopInOrder: () => ended.push('in order'),
    nowMs: () => clock.ms,
    ...options,
  });
  return { handler, lines, clamdLines, clock, ended };
}

describe('createFailureHandler', () => {
  test('counts each failure, and logs one kind once a second', () => {
    const { handler, lines, clamdLines, clock, ended } = createHandler();
    for (let n = 0; n < 100; n += 1) handler.handle('queueFull');
    handler.handle('workerCrashed', new Error('a bug'));
    clock.ms = 1000;
    handler.handle('queueFull');
    expect(handler.counts.get('queueFull')).toBe(101);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain('a bug');
    expect(clamdLines.map((line) => line.split(' ', 1)[0])).toEqual(['warning', 'error', 'warning']);
    expect(ended).toEqual([]);
  });

  test.each([
    ['a thread', Object.assign(new Error('the heap is full'), { code: 'ERR_WORKER_OUT_OF_MEMORY' })],
    ['an array', new RangeError('Array buffer allocation failed')],
    ['the kernel', Object.assign(new Error('open'), { code: 'ENOMEM' })],
  ])('with ExitOnOOM %s without memory ends the daemon in order, else it is counted', (_what, cause) => {
    for (const exitOnOutOfMemory of [true, false]) {
      // Handed around without its object.
      const { handler, ended } = createHandler({ exitOnOutOfMemory });
      const { handle } = handler;
      handle('workerCrashed', new Error('a bug'));
      expect(handler.counts.get('outOfMemory')).toBeUndefined();
      handle('workerCrashed', cause);
      expect(handler.counts.get('outOfMemory')).toBe(1);
      expect(ended).toEqual(exitOnOutOfMemory ? ['in order'] : []);
    }
  });

  test('ends the daemon where the table says so', () => {
    const { handler, ended } = createHandler();
    handler.handle('noWorkersLeft');
    expect(ended).toEqual(['at once']);
  });
});
