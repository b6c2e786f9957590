import { fstatSync, openSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { LEASE_SIGNAL } from '../../src/gate/lease-guard.js';
import { LeaseOwner } from '../../src/gate/lease-owner.js';
import { LeaseTable } from '../../src/gate/lease-table.js';

jest.setTimeout(30_000);

const NO_GROUP = -1;
/** Well below lease-break-time (45 s). */
const SOON_MS = 10_000;

/** Leases need no privilege on one's own files, so this part of the client runs as anybody. */
describe('LeaseOwner', () => {
  const native = openNative();
  let directory: TempDir;
  let owner: LeaseOwner;
  let table: LeaseTable;
  let troubles: string[];

  beforeEach(async () => {
    directory = makeTempDir('leases-');
    troubles = [];
    owner = new LeaseOwner(native, {
      heldMax: 4,
      devices: [],
      onTrouble: (message) => troubles.push(message),
    });
    await owner.ready;
    table = new LeaseTable(owner.memory);
  });

  afterEach(async () => {
    await owner.stop();
    expect(troubles).toEqual([]);
    directory.remove();
  });

  /** As a gate holds a file. @returns its path and the descriptor, the lease thread's by now */
  function hold(name: string): { path: string; fd: number } {
    const path = `${directory.path}/${name}`;
    writeFileSync(path, 'content');
    const fd = openSync(path, 'r');
    const ticket = table.take(fd, NO_GROUP, { nowMs: performance.now(), usedMax: 4 });
    if (ticket === undefined) throw new Error('not taken');
    expect(native.leases.hold(fd, { signal: LEASE_SIGNAL, threadId: table.threadId })).toBe('held');
    expect(table.park(fd, ticket)).toBe(true);
    return { path, fd };
  }

  async function openForWriting(path: string): Promise<number> {
    const beganMs = performance.now();
    const file = await open(path, 'r+');
    await file.close();
    return performance.now() - beganMs;
  }

  async function until(isSo: () => boolean): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < SOON_MS && !isSo(); waitedMs += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return isSo();
  }

  test('a writer is let through soon, and the file it wanted is held no more', async () => {
    const [first, second] = [hold('first'), hold('second')];
    expect([owner.held, owner.breaks]).toEqual([2, 0]);
    expect(await openForWriting(second.path)).toBeLessThan(SOON_MS);
    expect([owner.held, owner.breaks]).toEqual([1, 1]);
    expect(fstatSync(first.fd, { bigint: true }).size).toBe(7n);
  });

  test('releaseAll lets go of everything, and files may be held again afterwards', async () => {
    for (const name of ['a', 'b', 'c']) hold(name);
    owner.releaseAll();
    expect(await until(() => owner.held === 0)).toBe(true);
    hold('d');
    expect(owner.held).toBe(1);
  });

  test('stop lets go of everything, and nothing is held from then on', async () => {
    const { path, fd } = hold('a');
    await owner.stop();
    expect(owner.held).toBe(0);
    expect(await openForWriting(path)).toBeLessThan(SOON_MS);
    expect(table.take(fd, NO_GROUP, { nowMs: 0, usedMax: 4 })).toBeUndefined();
  });
});
