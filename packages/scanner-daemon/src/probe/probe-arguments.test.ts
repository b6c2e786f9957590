import { describe, expect, test } from '@jest/globals';
import { parseProbeArguments } from './probe-arguments.js';

describe('parseProbeArguments', () => {
  test('has defaults', () => {
    expect(parseProbeArguments(['ping'])).toEqual({
      kind: 'probe',
      request: { verb: 'ping', address: undefined, configFile: undefined, timeoutMs: 5000, json: false },
    });
  });

  test('reads every option, before and behind the address', () => {
    expect(parseProbeArguments(['status', '--timeout', '0.5', 'unix:/x', '--json'])).toEqual({
      kind: 'probe',
      request: {
        verb: 'status',
        address: { kind: 'unix', path: '/x' },
        configFile: undefined,
        timeoutMs: 500,
        json: true,
      },
    });
    expect(parseProbeArguments(['status', '-c', '/etc/clamd.conf'])).toMatchObject({
      request: { configFile: '/etc/clamd.conf' },
    });
    expect(parseProbeArguments(['ping', '--config-file=/etc/clamd.conf', '--timeout=300'])).toMatchObject({
      request: { configFile: '/etc/clamd.conf', timeoutMs: 300_000 },
    });
  });

  test('help names the exit codes', () => {
    const parsed = parseProbeArguments(['ping', '--help']);
    expect(parsed).toMatchObject({ kind: 'help', text: expect.stringContaining('Exit codes: 0') });
  });

  test.each([
    [['pong'], 'ping or status'],
    [[], 'ping or status'],
    [['ping', '--json'], '--json'],
    [['ping', 'localhost'], 'not an address'],
    [['ping', '/a', '/b'], 'more than one'],
    [['ping', '/a', '-c', '/b'], 'exclude'],
    [['ping', '--timeout', '0'], '0.1 to 300'],
    [['ping', '--timeout', '301'], '0.1 to 300'],
    [['ping', '--timeout', '1e1'], '0.1 to 300'],
    [['ping', '--timeout'], 'timeout'],
    [['ping', '--wait'], '--wait'],
  ])('%j is wrong usage', (args, word) => {
    expect(parseProbeArguments(args)).toEqual({
      kind: 'usage',
      message: expect.stringContaining(word),
    });
  });
});
