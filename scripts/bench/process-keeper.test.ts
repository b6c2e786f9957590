import { describe, expect, test } from '@jest/globals';
import { ProcessKeeper } from './process-keeper.js';

const node = (script: string) => [process.execPath, '-e', script] as const;

describe('ProcessKeeper', () => {
  test('start: collects stdout, passes on what is said, and reports the exit code', async () => {
    const keeper = new ProcessKeeper();
    const script =
      "process.stdin.once('data', (d) => { process.stdout.write('heard ' + d); process.exit(3); })";
    const child = keeper.start({ command: [...node(script)], lifetimeSeconds: 20 });
    expect(child.isRunning()).toBe(true);
    child.say('go');
    expect(await child.ended).toEqual({ exitCode: 3, stdout: 'heard go' });
    expect(child.isRunning()).toBe(false);
  });

  test('close: ends what runs and lets nothing new start', async () => {
    const keeper = new ProcessKeeper();
    const script = 'process.stdout.write(String(process.pid)); setInterval(() => undefined, 1000)';
    const child = keeper.start({ command: [...node(script)], lifetimeSeconds: 20 });
    await child.spoke;
    await keeper.close();
    const { stdout } = await child.ended;
    expect(() => process.kill(Number(stdout), 0)).toThrow('ESRCH');
    expect(() => keeper.start({ command: ['true'], lifetimeSeconds: 1 })).toThrow('interrupted');
  });

  test('spoke: resolves for a process that ends without a word', async () => {
    const child = new ProcessKeeper().start({ command: ['true'], lifetimeSeconds: 5 });
    await child.spoke;
    expect((await child.ended).exitCode).toBe(0);
  });

  test('start: the lifetime ends a process that hangs (exit 124 of timeout(1))', async () => {
    const child = new ProcessKeeper().start({ command: ['sleep', '30'], lifetimeSeconds: 1 });
    expect((await child.ended).exitCode).toBe(124);
  });
});
