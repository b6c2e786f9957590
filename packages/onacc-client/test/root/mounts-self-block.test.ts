import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify } from '@portcullis/shared/testing';
import { failurePolicy } from '../../src/failure-actions.js';
import { checkSelfBlock } from '../../src/mounts/self-block-check.js';
import type { SelfBlockCheckOptions } from '../../src/mounts/self-block-check.js';
import { MountsFixture } from '../filesystems/mounts-fixture.js';
import { NOBODY } from '../openers/cat-as.js';

jest.setTimeout(60_000);

describeIfFanotify('checkSelfBlock', () => {
  let mounts: MountsFixture;
  let disk: string;
  let daemon: ChildProcess;

  beforeEach(async () => {
    mounts = new MountsFixture();
    chmodSync(mounts.path, 0o755);
    disk = mounts.tmpfs('disk');
    // A daemon whose program and database lie on the filesystem that is to be marked.
    copyFileSync('/bin/sleep', `${disk}/daemon`);
    chmodSync(`${disk}/daemon`, 0o755);
    mkdirSync(`${disk}/db`);
    writeFileSync(`${disk}/db/main.cvd`, 'x');
    chownSync(`${disk}/db/main.cvd`, NOBODY, NOBODY);
    daemon = spawn(`${disk}/daemon`, ['60'], { uid: NOBODY, gid: NOBODY, cwd: '/', stdio: 'ignore' });
    await delay(100);
  });

  afterEach(async () => {
    const ended = new Promise((resolve) => daemon.once('close', resolve));
    daemon.kill('SIGKILL');
    await ended;
    mounts.remove();
  });

  async function check(changes: Partial<SelfBlockCheckOptions> = {}) {
    const { errors, warnings } = await checkSelfBlock({
      strategy: 'mount',
      paths: [`${disk}/`],
      prevention: true,
      failurePolicy: failurePolicy({ denyOnError: true }),
      excludedUids: [],
      isInScope: () => true,
      daemon: { pid: daemon.pid ?? 0, uid: NOBODY, name: 'nobody' },
      databaseDirectory: `${disk}/db`,
      daemonFiles: [],
      ...changes,
    });
    return { errors: errors.join('\n'), warnings: warnings.join('\n') };
  }

  test('finds the daemon’s program and database under the mark, and says what to write', async () => {
    for (const strategy of ['mount', 'filesystem'] as const) {
      const { errors, warnings } = await check({ strategy });
      expect(errors).toContain(`${disk}/daemon, ${disk}/db/main.cvd`);
      expect(errors).toContain("'OnAccessExcludeUname nobody'");
      // Shells, node and sshd lie on another filesystem here.
      expect(warnings).toBe('');
    }
  });

  test('what is excluded, by user or by path, or lies elsewhere is in no danger', async () => {
    expect((await check({ excludedUids: [NOBODY] })).errors).toBe('');
    expect((await check({ isInScope: () => false })).errors).toBe('');
    expect((await check({ paths: [mounts.tmpfs('other')] })).errors).toBe('');
    expect((await check({ failurePolicy: failurePolicy({ denyOnError: false }) })).errors).toBe('');
    expect((await check({ daemon: undefined })).errors).toBe('');
  });

  test('a bind mount of the same filesystem counts under a filesystem mark only', async () => {
    const bound = mounts.bind(disk, 'bound');
    expect((await check({ strategy: 'filesystem', paths: [bound] })).errors).toContain('/daemon');
    expect((await check({ strategy: 'mount', paths: [bound] })).errors).toBe('');
  });

  test('with the root filesystem marked, people are told that only root gets in', async () => {
    const { warnings } = await check({ paths: ['/'] });
    expect(warnings).toContain('sudo does not work');
    expect(warnings).toContain('OnAccessExcludeUname');
  });
});
