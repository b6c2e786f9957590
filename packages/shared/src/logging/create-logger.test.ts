import { describe, expect, test } from '@jest/globals';
import { createLogger } from './create-logger.js';

function collect() {
  const lines: string[] = [];
  return { lines, destination: { write: (line: string) => void lines.push(line) } };
}

describe('createLogger', () => {
  test('writes one JSON object a line, with the level as a word', () => {
    const { lines, destination } = collect();
    const logger = createLogger({ name: 'test', level: 'info', stdoutIsTty: false, destination });
    logger.info({ sizeBytes: 5 }, 'hello');
    logger.debug('not this');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', name: 'test', sizeBytes: 5, msg: 'hello' });
  });

  test('writes for people on a terminal, before the call returns', () => {
    const { lines, destination } = collect();
    const logger = createLogger({ name: 'test', level: 'info', stdoutIsTty: true, destination });
    logger.warn('look here');
    expect(lines.join('')).toContain('look here');
    expect(lines.join('')).toContain('WARN');
  });
});
