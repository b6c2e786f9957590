import { describe, expect, test } from '@jest/globals';
import { Duty, SILENT_AFTER_MS } from './duty.js';

describe('Duty', () => {
  function two(): [Duty, Duty] {
    const memory = Duty.memory(2);
    return [new Duty(memory, 0, 2), new Duty(memory, 1, 2)];
  }

  test('is the first gate’s until that is stuck', () => {
    const [first, second] = two();
    expect([first.isMine, second.isMine]).toEqual([true, false]);
    expect(second.relieve(1_000_000, 100)).toBeUndefined();
    first.beginTurn(1_000_000);
    expect(second.relieve(1_000_099, 100)).toBeUndefined();
    expect(second.relieve(1_000_100, 100)).toBe(0);
    expect([first.isMine, second.isMine]).toEqual([false, true]);
    expect(second.takeovers).toBe(1);
  });

  test('a gate that came back from its turn is not relieved, and none relieves itself', () => {
    const [first, second] = two();
    first.beginTurn(1_000);
    first.endTurn();
    expect(second.relieve(9_000, 100)).toBeUndefined();
    first.beginTurn(9_000);
    expect(first.relieve(99_000, 100)).toBeUndefined();
  });

  test('works across the wrap of the 32-bit clock', () => {
    const [first, second] = two();
    const nearWrapMs = 2 ** 31 - 50;
    first.beginTurn(nearWrapMs);
    expect(second.relieve(nearWrapMs + 99, 100)).toBeUndefined();
    expect(second.relieve(nearWrapMs + 100, 100)).toBe(0);
  });

  test('a gate whose clock has stopped is relieved, in a turn or not, and does not count as free', () => {
    const [first, second] = two();
    for (const gate of [first, second]) gate.join();
    first.noteTick();
    let nowMs = 50_000;
    for (; nowMs < 50_000 + SILENT_AFTER_MS; nowMs += 50) {
      second.noteTick();
      expect([second.relieve(nowMs, 100), second.freeGates(nowMs, 100)]).toEqual([undefined, 2]);
    }
    expect([second.freeGates(nowMs, 100), second.stuckOthers(nowMs, 100)]).toEqual([1, [0]]);
    first.noteTick();
    expect(second.stuckOthers(nowMs, 100)).toEqual([]);
    for (const endMs = nowMs + SILENT_AFTER_MS; nowMs < endMs; nowMs += 50) second.stuckOthers(nowMs, 100);
    expect([second.relieve(nowMs, 100), second.isMine]).toEqual([0, true]);
  });

  test('after all were stopped together nobody counts as silent, nor does a gate that is starting', () => {
    const [first, second] = two();
    first.noteTick();
    second.stuckOthers(1_000, 100);
    expect(second.stuckOthers(1_000_000, 100)).toEqual([]);
    for (let nowMs = 1_000; nowMs < 9_000; nowMs += 50) expect(first.stuckOthers(nowMs, 100)).toEqual([]);
  });

  test('a turn that failed is as if it lasted for ever, until the next one', () => {
    const [first, second] = two();
    first.failTurn(5_000);
    expect(second.stuckOthers(5_000, 100)).toEqual([0]);
    first.beginTurn(5_001);
    first.endTurn();
    expect(second.stuckOthers(5_001, 100)).toEqual([]);
  });

  test('the daemon is known while some gate is connected to it', () => {
    const [first, second] = two();
    first.noteDaemon(77);
    second.noteDaemon(77);
    second.noteDaemon(0);
    expect([first, second].map((gate) => gate.isDaemon(77))).toEqual([true, true]);
    first.noteDaemon(0);
    expect([second.isDaemon(77), second.isDaemon(0)]).toEqual([false, false]);
  });

  test('free are those who have joined and are not stuck', () => {
    const memory = Duty.memory(3);
    const gates = [0, 1, 2].map((gate) => new Duty(memory, gate, 3));
    const observer = Duty.observer(memory, 3);
    expect(observer.freeGates(1_000, 100)).toBe(0);
    gates[0]!.join();
    gates[1]!.join();
    gates[1]!.beginTurn(1_000);
    expect(observer.freeGates(1_099, 100)).toBe(2);
    expect(observer.freeGates(1_100, 100)).toBe(1);
    gates[1]!.endTurn();
    expect([observer.freeGates(1_100, 100), observer.isMine]).toEqual([2, false]);
  });
});
