import { execFile } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, jest, test } from '@jest/globals';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify } from '@portcullis/shared/testing';
import type { StatusSnapshot } from '../../src/control/status-snapshot.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture } from '../pair-fixture.js';

jest.setTimeout(90_000);

const CLIENT = fileURLToPath(new URL('../../../bin/onacc-client.js', import.meta.url));
const ASK_MAX_MS = 60_000;
let pair: PairFixture;

afterEach(async () => {
  await pair.stop();
});

/** As somebody at the keyboard would. */
function ask(...args: string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ONACC_CONTROL_SOCKET: pair.controlPath };
    const child = execFile(
      process.execPath,
      [CLIENT, ...args],
      { env, timeout: ASK_MAX_MS },
      (_error, out, err) => {
        resolve({ code: child.exitCode ?? -1, out: `${out}${err}` });
      },
    );
  });
}

const doctor = (): Promise<{ code: number; out: string }> => ask('doctor', '-c', pair.configPath);

async function startPair(
  extraConfig: readonly string[] = [],
): Promise<{ daemon: ChildProgram; client: ChildProgram }> {
  pair = new PairFixture(extraConfig);
  return { daemon: await pair.startDaemon(), client: await pair.startClient() };
}

async function status(): Promise<StatusSnapshot> {
  return JSON.parse((await ask('status', '--json')).out) as StatusSnapshot;
}

describeIfFanotify('onacc-client status', () => {
  test('counts what was allowed and what was denied, for people, programs and Prometheus', async () => {
    await startPair();
    expect(await cat(pair.write('clean', 'hello'))).toBe('hello');
    expect(await cat(pair.write('eicar', EICAR))).toMatch(/Operation not permitted/);
    const snapshot = await status();
    expect(snapshot).toMatchObject({ state: 'prevention', degraded: [], daemon: { state: 'up' } });
    expect(snapshot.decisions).toMatchObject({ denied: 1, byReason: { infected: 1, clean: 1 } });
    expect(snapshot.watch.roots).toMatchObject([{ path: pair.guarded, state: 'protected', directories: 1 }]);
    const text = await ask('status');
    expect(text.code).toBe(0);
    expect(text.out).toContain(`${pair.guarded}  protected, 1 directory`);
    const { out } = await ask('status', '--metrics');
    expect(out).toContain('portcullis_onacc_opens_total{reason="infected"} 1\n');
  });

  test('shows the daemon that has gone away, and exits with 1', async () => {
    const { daemon, client } = await startPair();
    await daemon.stop();
    await client.said('daemonDown');
    const { code, out } = await ask('status');
    expect(code).toBe(1);
    expect(out).toMatch(/NOT ALL IS WELL\n {2}- the daemon is away: /);
  });

  test('a client that was killed is not running, and its socket is no obstacle to the next one', async () => {
    const { client } = await startPair();
    process.kill(client.pid, 'SIGKILL');
    await client.ended;
    expect(await ask('status')).toMatchObject({ code: 3, out: expect.stringContaining('is not running') });
    const next = await pair.startClient();
    expect((await status()).pid).toBe(next.pid);
  });

  test('a second client on the same control socket protects without one, and the first goes on answering', async () => {
    const { client } = await startPair();
    await pair.startClient();
    expect((await status()).pid).toBe(client.pid);
  });
});

describeIfFanotify('onacc-client doctor', () => {
  test('has EICAR refused, finds nothing to repair and leaves no file', async () => {
    await startPair();
    const { code, out } = await doctor();
    expect(out).toMatch(/^OK +canary in .*guarded: EICAR is refused \(EPERM\)$/m);
    expect(out).not.toMatch(/^FAIL/m);
    expect(code).toBeLessThan(2);
    expect(readdirSync(pair.guarded)).toEqual([]);
  });

  test('where root is excluded somebody else opens the canary', async () => {
    await startPair(['OnAccessExcludeRootUID yes']);
    expect((await doctor()).out).toMatch(/^OK +canary in .*guarded: EICAR is refused \(EPERM\)$/m);
  });

  test('a client that only tells has to count the canary', async () => {
    await startPair(['OnAccessPrevention no']);
    expect((await status()).state).toBe('notify-only: OnAccessPrevention is off');
    expect((await doctor()).out).toMatch(
      /^OK +canary in .*guarded: EICAR opens and is told of \(notify-only\)$/m,
    );
  });

  test('a daemon that does not know EICAR is told of, and the canary that opens is a failure', async () => {
    pair = new PairFixture();
    writeFileSync(`${pair.database}/t.hdb`, '00000000000000000000000000000000:68:Test.Nothing\n');
    await pair.startDaemon();
    await pair.startClient();
    const { code, out } = await doctor();
    expect(code).toBe(2);
    expect(out).toMatch(/^WARN +verdicts: the EICAR test file is not found/m);
    expect(out).toMatch(/^FAIL +canary in .*guarded: EICAR can be opened/m);
    expect(readdirSync(pair.guarded)).toEqual([]);
  });

  test('with the daemon away and deny-on-error the refusal of a harmless file is explained', async () => {
    const { daemon } = await startPair(['OnAccessDenyOnError yes']);
    await daemon.stop();
    const { code, out } = await doctor();
    expect(code).toBe(2);
    expect(out).toMatch(/^FAIL +daemon: /m);
    expect(out).toMatch(/^FAIL +canary in .*guarded: a harmless file is refused \(EPERM\)/m);
    expect(readdirSync(pair.guarded)).toEqual([]);
  });

  test('without a client it says how to start one, and lets the filesystem be tried all the same', async () => {
    pair = new PairFixture();
    await pair.startDaemon();
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toMatch(/^WARN +client: is not running.*\n +-> start it: sudo onacc-client/m);
    expect(out).toMatch(/^SKIP +canary in .*guarded: no client runs/m);
  });
});
