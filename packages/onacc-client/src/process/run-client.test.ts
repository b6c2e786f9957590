import { describe, expect, test } from '@jest/globals';
import { runClient } from './run-client.js';
import type { SignalActions } from './signals.js';

/** A promise with its handles. */
function gate() {
  let open = (): void => undefined;
  let fail: (error: Error) => void = () => undefined;
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

function setUp({ onUp }: { onUp?: () => void } = {}) {
  const seen: string[] = [];
  let actions: SignalActions | undefined;
  const gates = { start: gate(), reload: gate() };
  const client = {
    stop: () => {
      seen.push('stopped');
      return Promise.resolve();
    },
  };
  const life = runClient({
    signals: {
      serve: (given) => {
        actions = given;
      },
    },
    voice: { say: (severity, text) => seen.push(`${severity}: ${text}`) },
    start: async () => {
      await gates.start.passed;
      return client;
    },
    onUp: () => {
      onUp?.();
      seen.push('up');
    },
    onStopping: (_client, signal) => seen.push(signal),
    reload: async () => {
      seen.push('reload');
      await gates.reload.passed;
    },
    endNow: (reason) => seen.push(String(reason)),
  });
  return { seen, life, gates, client, actions: () => actions };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('runClient', () => {
  test('what fails once it is up is thrown when the client has been stopped', async () => {
    const { seen, life, gates } = setUp({
      onUp: () => {
        throw new Error('no room for the log');
      },
    });
    gates.start.open();
    await expect(life).rejects.toMatchObject({ message: 'no room for the log' });
    expect(seen).toEqual(['stopped']);
  });

  test('is up, stops when it is told to, and ends', async () => {
    const { seen, life, gates, actions } = setUp();
    gates.start.open();
    await settle();
    actions()?.stop('SIGTERM');
    await life;
    expect(seen).toEqual(['up', 'SIGTERM', 'stopped']);
  });

  test('told to stop while it starts, it stops as soon as it is up; a reload has no effect by then', async () => {
    const { seen, life, gates, actions } = setUp();
    actions()?.reload();
    actions()?.stop('SIGINT');
    gates.start.open();
    await life;
    expect(seen).toEqual(['up', 'SIGINT', 'stopped']);
  });

  test('reloads one after the other; any number meanwhile is one more', async () => {
    const { seen, gates, actions } = setUp();
    gates.start.open();
    await settle();
    for (let times = 0; times < 5; times += 1) actions()?.reload();
    gates.reload.open();
    await settle();
    expect(seen).toEqual(['up', 'reload', 'reload']);
  });

  test('a reload that fails is complained about, and the next one is tried', async () => {
    const { seen, gates, actions } = setUp();
    gates.start.open();
    await settle();
    gates.reload.fail(new Error('bad configuration'));
    actions()?.reload();
    await settle();
    actions()?.reload();
    await settle();
    const failed = 'error: Reload failed: bad configuration';
    expect(seen).toEqual(['up', 'reload', failed, 'reload', failed]);
  });

  test('a start that fails is the caller’s to tell', async () => {
    const { life, gates } = setUp();
    gates.start.fail(new Error('no fanotify'));
    await expect(life).rejects.toMatchObject({ message: 'no fanotify' });
  });

  test('a second order to stop ends it at once', async () => {
    const { seen, actions } = setUp();
    actions()?.endNow();
    await settle();
    expect(seen).toEqual(['Error: told to stop a second time']);
  });

  test('a stop that fails is the end by force', async () => {
    const { seen, gates, actions, client } = setUp();
    client.stop = () => Promise.reject(new Error('a thread is stuck'));
    gates.start.open();
    await settle();
    actions()?.stop('SIGTERM');
    await settle();
    expect(seen).toEqual(['up', 'SIGTERM', 'Error: a thread is stuck']);
  });
});
