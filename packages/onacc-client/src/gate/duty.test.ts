import { describe, expect, test } from '@jest/globals';
import { Duty } from './duty.js';

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
