import { describe, expect, test } from '@jest/globals';
import { startLines, type StartFacts } from './start-lines.js';
import { textLine } from './text-log.js';

const FACTS: StartFacts = {
  mode: 'prevention',
  isLocal: true,
  transfer: 'descriptor',
  strategy: 'directory',
  depth: 'tree',
  roots: [{ path: '/srv/watch', state: 'protected' }],
  excluded: [],
  extraScanning: false,
  maxFileBytes: 5_242_880,
};

function shown(facts: Partial<StartFacts>, verbose = false): string[] {
  return startLines({ ...FACTS, ...facts })
    .filter(({ severity }) => verbose || severity !== 'verbose')
    .map(({ severity, text }) => textLine(severity, text));
}

describe('startLines', () => {
  test('are clamonacc’s', () => {
    expect(shown({ excluded: ['/srv/watch/x'], extraScanning: true })).toEqual([
      "ClamInotif: watching '/srv/watch' (and all sub-directories)",
      "ClamInotif: excluding '/srv/watch/x' (and all sub-directories)",
      'ClamInotif: extra scanning on inotify events enabled',
    ]);
    expect(shown({}, true).slice(0, 4)).toEqual([
      'ClamClient: client setup to scan via fd passing',
      'Clamonacc: daemon is local',
      'ClamFanotif: kernel-level blocking feature enabled ... preventing malicious files access attempts',
      'ClamFanotif: max file size limited to 5242880 bytes',
    ]);
    expect(
      shown(
        { mode: 'notify-only', isLocal: false, transfer: 'stream', maxFileBytes: Infinity, roots: [] },
        true,
      ),
    ).toEqual([
      'ClamClient: client setup to scan via streaming',
      'Clamonacc: daemon is remote',
      'ClamFanotif: kernel-level blocking feature disabled ...',
      'ClamFanotif: max file size limited to 9223372036854775807 bytes',
    ]);
  });

  test('name what carries the marks', () => {
    expect(shown({ depth: 'single' })).toEqual([
      "ClamFanotif: watching directory '/srv/watch' (non-recursively)",
    ]);
    expect(shown({ strategy: 'mount' })).toEqual([
      "ClamFanotif: recursively watching the mount point '/srv/watch'",
    ]);
    expect(shown({ strategy: 'filesystem' })).toEqual([
      "ClamFanotif: watching '/srv/watch' on its whole filesystem",
    ]);
  });

  test('do not claim what is not so', () => {
    const roots = [
      { path: '/a', state: 'missing' },
      { path: '/b\n', state: 'partial' },
    ] as const;
    expect(shown({ roots })).toEqual([
      "WARNING: ClamInotif: '/a' does not exist yet: it is watched once it does",
      "ClamInotif: watching '/b\\n' (and all sub-directories)",
      "WARNING: ClamInotif: parts of '/b\\n' are not watched: onacc-client status says which",
    ]);
  });
});
