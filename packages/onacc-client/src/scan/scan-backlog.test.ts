import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ScanBacklog } from './scan-backlog.js';

type Step = { readonly kind: 'push' | 'take' | 'takeEven' | 'takeAll' } | { kind: 'putBack'; count: number };

test('ScanBacklog: is an array by another name', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('push' as const, 'take' as const) }) },
    fc.record({ kind: fc.constantFrom('takeEven' as const, 'takeAll' as const) }),
    fc.record({ kind: fc.constant('putBack' as const), count: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const backlog = new ScanBacklog<number>();
      let model: number[] = [];
      let next = 0;
      for (const { kind, ...rest } of steps) {
        if (kind === 'push') {
          next += 1;
          backlog.push(next);
          model.push(next);
        } else if (kind === 'take') expect(backlog.take()).toBe(model.shift());
        else if (kind === 'takeEven') {
          expect(backlog.takeWhere((item) => item % 2 === 0)).toEqual(model.filter((item) => item % 2 === 0));
          model = model.filter((item) => item % 2 !== 0);
        } else if (kind === 'takeAll') expect(backlog.takeAll()).toEqual(model.splice(0));
        else {
          const items = Array.from({ length: 'count' in rest ? rest.count : 0 }, () => (next += 1));
          backlog.putBack(items);
          model.unshift(...items);
        }
        expect(backlog.length).toBe(model.length);
      }
      expect(backlog.takeAll()).toEqual(model);
    }),
  );
});

test('ScanBacklog: a long one is emptied in no time', () => {
  const backlog = new ScanBacklog<number>();
  for (let index = 0; index < 1_000_000; index += 1) backlog.push(index);
  let last = -1;
  for (let item = backlog.take(); item !== undefined; item = backlog.take()) last = item;
  expect(last).toBe(999_999);
}, 20_000);
