import { expect, test } from '@jest/globals';
import { DatabaseCompiler } from './compile/compile.js';
import { DatabaseHolder } from './database-holder.js';
import type { LoadedDatabase } from './loaded-database.js';

const loaded = (version: number): LoadedDatabase => ({
  compiled: new DatabaseCompiler().finish(),
  signatureCount: 0,
  unsupported: {},
  files: [],
  version,
});

test('DatabaseHolder swaps by reference, counts generations and tells its listeners', () => {
  const first = loaded(1);
  const second = loaded(2);
  const holder = new DatabaseHolder(first);
  const running = holder.current;
  const told: number[] = [];
  const remove = holder.onSwap((current) => told.push(current.generation));
  expect(holder.swap(second)).toEqual({ generation: 2, loaded: second });
  expect(holder.current.loaded).toBe(second);
  expect(running.loaded).toBe(first);
  remove();
  holder.swap(first);
  expect(told).toEqual([2]);
  expect(holder.current.generation).toBe(3);
});
