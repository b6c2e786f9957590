import { spawn, type ChildProcess } from 'node:child_process';
import { describe, expect, jest, test } from '@jest/globals';

const MODULE = new URL('signals.js', import.meta.url).href;

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

/** A process that prints each signal it serves; after `stop` it lingers. */
function start(): {
  child: ChildProcess;
  says: (text: string) => Promise<void>;
  ended: Promise<number | null>;
} {
  const script = `
    const { Signals } = await import(${JSON.stringify(MODULE)});
    const signals = new Signals();
    setInterval(() => {}, 1000);
    console.log('up');
    process.stdin.once('data', async () => {
      console.log('serving');
      for (let signal; signal !== 'stop'; ) console.log(signal = await signals.next());
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return {
    child,
    ended,
    says: async (text) => {
      for (let tries = 0; !said.includes(text); tries += 1) {
        if (tries > 1000) throw new Error(`it said ${said}, not ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

describe('Signals', () => {
  test('while it starts HUP, USR2 and the rest have no effect, and TERM ends it at once', async () => {
    const { child, says, ended } = start();
    await says('up');
    for (const name of ['SIGHUP', 'SIGUSR2', 'SIGUSR1', 'SIGQUIT', 'SIGPIPE', 'SIGALRM'] as const)
      child.kill(name);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(child.exitCode ?? child.signalCode).toBeNull();
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('while it serves each has its effect, and a stop that is repeated ends it', async () => {
    const { child, says, ended } = start();
    await says('up');
    child.stdin?.write('go\n');
    await says('serving');
    for (const name of ['SIGUSR1', 'SIGPIPE', 'SIGQUIT'] as const) child.kill(name);
    child.kill('SIGHUP');
    await says('reopenLog');
    child.kill('SIGUSR2');
    await says('reload');
    child.kill('SIGTERM');
    await says('stop');
    child.kill('SIGTERM'); // Too soon to be meant.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect(await ended).toBe(1);
  });
});
