import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { takeServiceEnvironment } from './service-environment.js';
import { INHERITED_FDS_MAX, systemdDescriptors } from './systemd-descriptors.js';

const PID = 4711;

function descriptorsOf(env: Record<string, string>) {
  return systemdDescriptors(takeServiceEnvironment({ ...env }), PID);
}

describe('systemdDescriptors', () => {
  test('counts from 3, and knows the names', () => {
    const env = { LISTEN_PID: '4711', LISTEN_FDS: '3', LISTEN_FDNAMES: 'clamd.socket:tcp' };
    expect(descriptorsOf(env)).toEqual({
      kind: 'descriptors',
      descriptors: [
        { fd: 3, name: 'clamd.socket' },
        { fd: 4, name: 'tcp' },
        { fd: 5, name: undefined },
      ],
    });
  });

  test.each([
    ['nothing is set', {}],
    ['only the process is named', { LISTEN_PID: '4711' }],
    ['only the count is given', { LISTEN_FDS: '1' }],
    ['they are for another process', { LISTEN_PID: '4712', LISTEN_FDS: '1' }],
    ['a shell exported them for its own children', { LISTEN_PID: '1', LISTEN_FDS: 'x' }],
  ])('there are none when %s', (_, env) => {
    expect(descriptorsOf(env as Record<string, string>)).toEqual({ kind: 'none' });
  });

  test.each([
    ['LISTEN_PID', { LISTEN_PID: 'me', LISTEN_FDS: '1' }],
    ['LISTEN_FDS', { LISTEN_PID: '4711', LISTEN_FDS: '0' }],
    ['LISTEN_FDS', { LISTEN_PID: '4711', LISTEN_FDS: '-1' }],
    ['LISTEN_FDS', { LISTEN_PID: '4711', LISTEN_FDS: '1 ' }],
    ['more than 16', { LISTEN_PID: '4711', LISTEN_FDS: String(INHERITED_FDS_MAX + 1) }],
    ['more than 16', { LISTEN_PID: '4711', LISTEN_FDS: '9999999999' }],
  ])('nonsense is refused with a sentence about %s', (word, env) => {
    expect(descriptorsOf(env)).toEqual({ kind: 'refused', message: expect.stringContaining(word) });
  });

  test('never throws and never counts beyond its bound, whatever the variables hold', () => {
    const text = fc.oneof(fc.string(), fc.integer().map(String));
    fc.assert(
      fc.property(text, text, text, (listenFds, listenFdNames, listenPid) => {
        for (const pid of [listenPid, String(PID)]) {
          const env = { LISTEN_PID: pid, LISTEN_FDS: listenFds, LISTEN_FDNAMES: listenFdNames };
          const found = descriptorsOf(env);
          if (found.kind === 'descriptors')
            expect(found.descriptors.length).toBeLessThanOrEqual(INHERITED_FDS_MAX);
        }
      }),
    );
  });
});
