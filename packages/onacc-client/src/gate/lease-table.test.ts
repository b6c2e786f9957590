import { describe, expect, test } from '@jest/globals';
import { LeaseTable } from './lease-table.js';

const GROUP = 9;

/** A table as a gate and as the lease thread see it. */
function tables(heldMax = 4): { gate: LeaseTable; thread: LeaseTable } {
  const memory = LeaseTable.memory(heldMax, 100);
  const thread = new LeaseTable(memory);
  thread.open(77);
  return { gate: new LeaseTable(memory), thread };
}

function take(gate: LeaseTable, fd: number, nowMs = 0): number {
  const ticket = gate.take(fd, GROUP, { nowMs, usedMax: gate.heldMax });
  if (ticket === undefined) throw new Error(`${fd} was not taken`);
  return ticket;
}

function hold(gate: LeaseTable, fd: number, nowMs = 0): void {
  const ticket = take(gate, fd, nowMs);
  expect([gate.park(fd, ticket), gate.resume(fd, ticket), gate.commit(fd, ticket)]).toEqual([
    true,
    true,
    true,
  ]);
}

function heldIn(table: LeaseTable): number[] {
  const held: number[] = [];
  table.scan(0, 1_000, (fd) => held.push(fd));
  return held;
}

describe('LeaseTable', () => {
  test('a descriptor that is held is claimed once, with its group, and its place is free afterwards', () => {
    const { gate, thread } = tables();
    hold(gate, 5);
    expect([gate.used, heldIn(thread), thread.threadId]).toEqual([1, [5], 77]);
    expect(thread.claim(5)).toEqual({ fd: 5, group: GROUP });
    expect([thread.claim(5), thread.claimBroken(5), heldIn(thread), gate.used]).toEqual([
      undefined,
      undefined,
      [],
      1,
    ]);
    thread.release(5);
    expect(gate.used).toBe(0);
    hold(gate, 5);
  });

  test('a break while the gate is at it: the gate is told and the lease thread keeps off', () => {
    const { gate, thread } = tables();
    const first = take(gate, 5);
    expect(thread.claimBroken(5)).toBeUndefined();
    expect(gate.park(5, first)).toBe(false);
    gate.abandon(5);
    const second = take(gate, 5);
    expect([gate.park(5, second), gate.resume(5, second)]).toEqual([true, true]);
    expect(thread.claimBroken(5)).toBeUndefined();
    expect(gate.commit(5, second)).toBe(false);
    gate.abandon(5);
    expect([gate.used, thread.breaks]).toEqual([0, 2]);
  });

  test('a break while the gate waits: the lease thread lets go, and the old ticket fits nothing after it', () => {
    const { gate, thread } = tables();
    const ticket = take(gate, 5);
    gate.park(5, ticket);
    expect(thread.claimBroken(5)).toEqual({ fd: 5, group: GROUP });
    expect(gate.resume(5, ticket)).toBe(false);
    thread.release(5);
    const other = take(gate, 5);
    gate.park(5, other);
    expect([gate.resume(5, ticket), gate.commit(5, ticket), gate.resume(5, other)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('bounds: as many as there may be, fewer where that is asked for, no number beyond the table, none while closed', () => {
    const { gate, thread } = tables(4);
    for (const fd of [10, 11]) hold(gate, fd);
    expect(gate.take(12, GROUP, { nowMs: 0, usedMax: 2 })).toBeUndefined();
    for (const fd of [12, 13]) hold(gate, fd);
    expect(gate.take(14, GROUP, { nowMs: 0, usedMax: 99 })).toBeUndefined();
    thread.claim(10);
    thread.release(10);
    for (const fd of [-1, 100, 1_000_000])
      expect(gate.take(fd, GROUP, { nowMs: 0, usedMax: 4 })).toBeUndefined();
    expect([thread.claimBroken(-1), thread.claimBroken(100)]).toEqual([undefined, undefined]);
    thread.close();
    expect(gate.take(14, GROUP, { nowMs: 0, usedMax: 4 })).toBeUndefined();
    expect([gate.used, heldIn(thread)]).toEqual([3, [11, 12, 13]]);
  });

  test('scan tells since when, goes on where it stopped, and ends', () => {
    const { gate, thread } = tables();
    hold(gate, 3, 1_000);
    hold(gate, 8, 2 ** 31 + 5); // Past what 32 bits hold with a sign.
    const told: [number, number][] = [];
    const next = thread.scan(0, 5, (fd, sinceMs) => told.push([fd, sinceMs]));
    expect([next, told]).toEqual([5, [[3, 1_000]]]);
    expect(thread.scan(5, 5, (fd, sinceMs) => told.push([fd, sinceMs]))).toBeUndefined();
    expect(told[1]).toEqual([8, (2 ** 31 + 5) | 0]);
  });
});
