import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { ENGINES_MAX } from './control-messages.js';
import { NAMES_BYTES_MAX } from './lane-wire.js';
import { EngineTable, FoundNames } from './shared-words.js';

describe('EngineTable', () => {
  test('another thread’s view of the memory finds what was added, until it is removed', () => {
    const table = new EngineTable();
    const view = new EngineTable(table.memory);
    expect(table.add(7, 0xffff_8000_0000_1234n)).toBe(true);
    expect(table.add(8, 2n)).toBe(true);
    expect(view.engineOf(7)).toBe(0xffff_8000_0000_1234n);
    expect(view.engineOf(8)).toBe(2n);
    table.remove(7);
    expect(() => view.engineOf(7)).toThrow('no database of generation 7');
    expect(view.engineOf(8)).toBe(2n);
  });

  test('takes as many as there may be, and another one when one has gone', () => {
    const table = new EngineTable();
    for (let generation = 1; generation <= ENGINES_MAX; generation += 1)
      expect(table.add(generation, BigInt(generation))).toBe(true);
    expect(table.add(100, 100n)).toBe(false);
    table.remove(3);
    expect(table.add(100, 100n)).toBe(true);
    expect(table.engineOf(100)).toBe(100n);
    expect(table.engineOf(ENGINES_MAX)).toBe(BigInt(ENGINES_MAX));
  });

  test('the removal of one that is not there changes nothing', () => {
    const table = new EngineTable();
    table.add(1, 11n);
    table.remove(2);
    expect(table.engineOf(1)).toBe(11n);
  });
});

describe('FoundNames', () => {
  test('gives what another thread added, in its order, once', async () => {
    const names = new FoundNames();
    const module = new URL('shared-words.js', import.meta.url).href;
    const script = `
      const { workerData } = require('node:worker_threads');
      import(workerData.module).then(({ FoundNames }) => {
        const names = new FoundNames(workerData.memory);
        names.add('Win.Test.First-1'); names.add('Pdf.Test.Zweite-ä');
      });`;
    const worker = new Worker(script, { eval: true, workerData: { module, memory: names.memory } });
    await new Promise((resolve) => worker.once('exit', resolve));
    expect(names.take()).toEqual(['Win.Test.First-1', 'Pdf.Test.Zweite-ä']);
    expect(names.take()).toEqual([]);
  });

  test('leaves out what does not fit, and has room again when it was emptied', () => {
    const names = new FoundNames();
    const long = 'x'.repeat(NAMES_BYTES_MAX - 3);
    names.add(long);
    names.add('too long');
    names.add('a');
    names.add('b');
    expect(names.take()).toEqual([long, 'a']);
    names.add('b');
    expect(names.take()).toEqual(['b']);
  });

  test('a name longer than all the room is left out', () => {
    const names = new FoundNames();
    names.add('x'.repeat(NAMES_BYTES_MAX));
    expect(names.take()).toEqual([]);
  });
});
