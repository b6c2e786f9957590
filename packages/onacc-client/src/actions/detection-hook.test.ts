import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CommandQueueLimits } from '@portcullis/shared';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { createDetectionHook, hookCommand } from './detection-hook.js';
import type { DetectionHook, HookDetection } from './detection-hook.js';

const DETECTION: HookDetection = {
  path: '/srv/x',
  signatureName: 'Test.Eicar',
  decision: 'deny',
  pid: 7,
  uid: 1000,
  executable: '/usr/bin/cat',
};

let directory: TempDir;
let hooks: DetectionHook[];
let outputs: string[];
let warnings: [Record<string, unknown>, string][];

beforeEach(() => {
  directory = makeTempDir('hook-');
  hooks = [];
  outputs = [];
  warnings = [];
});
afterEach(async () => {
  for (const hook of hooks) await hook.stop();
  directory.remove();
});

function open(command: string, limits: Partial<CommandQueueLimits> = {}): DetectionHook {
  const hook = createDetectionHook({
    command,
    logger: {
      // Ours is the only caller, and says both.
      debug: (facts: unknown) => void outputs.push(String((facts as Record<string, unknown>)['output'])),
      warn: (facts: unknown, message?: unknown) =>
        void warnings.push([facts as Record<string, unknown>, String(message)]),
    },
    limits,
  });
  hooks.push(hook);
  return hook;
}

function seen(name = 'seen'): string {
  const path = `${directory.path}/${name}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000 && !isTrue(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(isTrue()).toBe(true);
}

describe('createDetectionHook', () => {
  test('runs the words of the command, and tells it everything by the environment', async () => {
    const hook = open(
      `sh -c 'env | sort > ${directory.path}/part; mv ${directory.path}/part ${directory.path}/seen'`,
    );
    hook.report(DETECTION);
    await until(() => seen() !== '');
    const variables = seen()
      .split('\n')
      .filter((line) => !/^(PWD|_|SHLVL|OLDPWD|)(=|$)/.test(line));
    expect(variables).toEqual([
      'CLAM_VIRUSEVENT_FILENAME=/srv/x',
      'CLAM_VIRUSEVENT_VIRUSNAME=Test.Eicar',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'PORTCULLIS_DECISION=deny',
      'PORTCULLIS_EXECUTABLE=/usr/bin/cat',
      'PORTCULLIS_PATH=/srv/x',
      'PORTCULLIS_PID=7',
      'PORTCULLIS_SIGNATURE=Test.Eicar',
      'PORTCULLIS_UID=1000',
    ]);
  });

  test('no name makes a word, a command or another variable', async () => {
    const evil = `$(touch ${directory.path}/pwned)\n; touch ${directory.path}/pwned; "'\`x\`\nLD_PRELOAD=/x`;
    const hook = open(`sh -c 'printf %s "$PORTCULLIS_PATH" > ${directory.path}/seen' name "*"`);
    hook.report({ ...DETECTION, path: evil, signatureName: evil, executable: evil });
    await until(() => seen() === evil);
    expect(existsSync(`${directory.path}/pwned`)).toBe(false);
    const { program, args, environment } = hookCommand(
      { program: 'a', args: ['b'] },
      { ...DETECTION, path: 'x\0y' },
    );
    expect([program, args, environment['PORTCULLIS_PATH']]).toEqual(['a', ['b'], 'xy']);
  });

  test('the command inherits no descriptor but its three, and works in /', async () => {
    const hook = open('ls -l /proc/self/fd /proc/self/cwd');
    hook.report(DETECTION);
    await until(() => outputs.length > 0);
    // Cleaned for the log: lines stand in one.
    const links = [...(outputs[0] ?? '').matchAll(/(\S+) -> (.*?)(?=\\n|$)/g)].map(([, name, target]) => [
      name,
      target,
    ]);
    const [cwd, stdin, ...others] = links;
    expect([cwd, stdin]).toEqual([
      ['/proc/self/cwd', '/'],
      ['0', '/dev/null'],
    ]);
    // 3 is the directory that is listed.
    expect(others.map(([name]) => name)).toEqual(['1', '2', '3']);
  });

  test('a burst runs a few at a time and loses nothing; more than may wait are dropped and told', async () => {
    const hook = open(`sh -c 'echo x >> ${directory.path}/seen'`, { waitingMax: 10 });
    for (let n = 0; n < 50; n += 1) hook.report(DETECTION);
    expect(hook.droppedCount).toBe(40);
    await until(() => seen().length === 20);
    await hook.stop();
    const told = warnings.filter(([facts]) => facts['event'] === 'detectionHookDropped');
    expect(told.reduce((sum, [facts]) => sum + Number(facts['dropped']), 0)).toBe(40);
  });

  test('a command that hangs is ended with its whole group, and told', async () => {
    const hook = open(`sh -c 'sleep 600 & echo $! > ${directory.path}/seen; trap "" TERM; wait; sleep 600'`, {
      ...{ timeoutMs: 500, killGraceMs: 300 },
    });
    hook.report(DETECTION);
    await until(() => warnings.length > 0);
    expect(warnings[0]).toMatchObject([
      { isTimedOut: true },
      'ONACC_ON_DETECTION: the command took too long and was ended',
    ]);
    await until(() => !isRunning(Number(seen())));
  });

  test('stop waits for no command; one that runs comes to its end or its time limit without us', async () => {
    const hook = open(
      `sh -c 'echo begun > ${directory.path}/begun; sleep 4; echo done > ${directory.path}/seen'`,
    );
    hook.report(DETECTION);
    await until(() => seen('begun') !== '');
    const startedMs = performance.now();
    await hook.stop();
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(seen()).toBe('');
    await until(() => seen() === 'done\n');
  }, 30_000);

  test('a command that is not there is told with each detection, and nothing else happens', async () => {
    const hook = open('/nonexistent/command');
    hook.report(DETECTION);
    await until(() => warnings.length > 0);
    expect(warnings[0]?.[1]).toMatch(/^ONACC_ON_DETECTION: the command could not be run/);
  });

  test('a command with a quote without end is refused at the start', () => {
    expect(() => open(`mail 'root`)).toThrow(expect.objectContaining({ code: 'BAD_COMMAND' }));
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
