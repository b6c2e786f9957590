import { chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { ControlServer } from './control-server.js';
import { makeSnapshot } from './make-snapshot.js';
import type { SnapshotInputs } from './make-snapshot.js';
import { runStatus } from './status-command.js';
import { snapshotInputs } from './testing/snapshot-inputs.js';

let directory: TempDir;
let server: ControlServer | undefined;

beforeEach(() => {
  directory = makeTempDir('status-');
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  directory.remove();
});

const socketPath = (): string => `${directory.path}/c.sock`;

async function serve(changed: Partial<SnapshotInputs> = {}): Promise<void> {
  server = new ControlServer({
    socketPath: socketPath(),
    snapshot: () => makeSnapshot(snapshotInputs(changed)),
    onTrouble: () => undefined,
  });
  expect(await server.start()).toEqual({ kind: 'listening' });
}

async function status(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runStatus(args, {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    controlSocket: socketPath(),
  });
  return { code, out, err };
}

describe('onacc-client status', () => {
  test('exits with 0 and tells people what is protected', async () => {
    await serve();
    const { code, out, err } = await status();
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('/srv  protected');
  });

  test('exits with 1 and the reasons when something is amiss', async () => {
    await serve({ troubles: ['the log disk is full'] });
    const { code, out } = await status();
    expect(code).toBe(1);
    expect(out).toContain('- the log disk is full');
  });

  test('exits with 1 while the client starts', async () => {
    await serve({ phase: 'starting' });
    expect((await status()).code).toBe(1);
  });

  test('--json is the snapshot, --metrics is for Prometheus', async () => {
    await serve();
    const json = await status('--json');
    expect(JSON.parse(json.out)).toEqual(makeSnapshot(snapshotInputs()));
    const metrics = await status('--metrics', '--socket', socketPath());
    expect(metrics.out).toContain('\nportcullis_onacc_daemon_up{endpoint="unix:/run/clamav/clamd.ctl"} 1\n');
  });

  test('exits with 3 where nobody runs, and says how to start', async () => {
    const { code, out, err } = await status();
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/^onacc-client is not running: there is no control socket at .*sudo onacc-client/);
    expect(await status('--metrics')).toMatchObject({
      code: 3,
      out: expect.stringContaining('onacc_up 0\n'),
    });
  });

  test.each([
    [['--json', '--metrics'], 'exclude each other'],
    [['--bogus'], '--bogus'],
    [['what'], 'what'],
  ])('refuses %j', async (args, complaint) => {
    const { code, err } = await status(...args);
    expect(code).toBe(2);
    expect(err).toContain(complaint);
  });

  test('explains itself', async () => {
    const { code, out } = await status('--help');
    expect(code).toBe(0);
    expect(out).toContain('Exit code: 0');
  });

  test('does not take what is no snapshot, nor one of another format, for an answer', async () => {
    for (const [text, complaint] of [
      ['rubbish', 'is no snapshot'],
      ['[]', 'is no snapshot'],
      ['{"format":99}', 'another version'],
    ] as const) {
      const liar = createServer((client) => client.end(text));
      await new Promise<void>((resolve) => liar.listen(socketPath(), resolve));
      const { code, err } = await status();
      await new Promise((resolve) => liar.close(resolve));
      expect([code, err.includes(complaint)]).toEqual([2, true]);
    }
  });

  test('asks no file that is not a socket', async () => {
    writeFileSync(socketPath(), '');
    expect(await status()).toMatchObject({ code: 2, err: expect.stringContaining('is not a socket') });
  });
});

describeOrSkip('a socket of somebody else', process.geteuid?.() === 0 ? undefined : 'needs root', () => {
  test('is not believed', async () => {
    await serve();
    chownSync(socketPath(), 65_534, 65_534);
    const { code, err } = await status();
    expect(code).toBe(2);
    expect(err).toContain('belongs to uid 65534');
  });
});
