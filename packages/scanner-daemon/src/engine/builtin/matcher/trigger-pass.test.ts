import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DatabaseCompiler } from '../../../database/compile/compile.js';
import type { CompiledDatabase } from '../../../database/compiled-database.js';
import { readLdbLine } from '../../../database/readers/ldb-line.js';
import { bytesInput } from '../../engine.js';
import { DEFAULT_ENGINE_OPTIONS } from '../engine-options.js';
import { SignatureEvaluator } from '../logical/signature-evaluator.js';
import { SignatureScan } from '../signature-scan.js';
import { testBudget } from '../testing/test-engine.js';
import { WindowReader } from './window-reader.js';
import { WorkMeter } from './work-meter.js';

/** Words that give anchors of all kinds, or none: of eleven bytes and more, seven, four, and two. */
const WORDS = ['alphabravofox', 'charliedelta', 'echogolf', 'hotelin', 'juliet', 'kilo', 'limaNov', 'zz'];
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const body = fc
  .oneof(
    { weight: 5, arbitrary: fc.constantFrom(...WORDS.slice(0, 4)) },
    { weight: 1, arbitrary: fc.constantFrom(...WORDS) },
  )
  .map(hex);
const subsignature = fc.oneof(
  { weight: 6, arbitrary: body },
  { weight: 1, arbitrary: body.map((text) => `${text}::i`) },
  { weight: 1, arbitrary: fc.tuple(body, body).map(([a, b]) => `${a}{-6}${b}`) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(12), body).map(([at, text]) => `${at}:${text}`) },
  { weight: 1, arbitrary: body.map((text) => `${text}(61|62)`) },
);

const SUBSIGNATURES = 6;
const leafCount = fc.constantFrom('', '', '', '', '=0', '=1', '>0', '>1', '<2');
const groupCount = fc.constantFrom(
  '',
  '',
  '=0',
  '=2',
  '>0',
  '>1',
  '<3',
  '>1,2',
  '>2,3',
  '=3,2',
  '>0,4',
  '>3,2',
);
const { expression } = fc.letrec<{ expression: string; group: string; leaf: string }>((tie) => ({
  expression: fc.oneof({ maxDepth: 3, withCrossShrink: true }, tie('leaf'), tie('group')),
  leaf: fc.tuple(fc.nat(SUBSIGNATURES - 1), leafCount).map(([index, count]) => `${index}${count}`),
  group: fc
    .tuple(
      fc.array(tie('expression'), { minLength: 2, maxLength: 5 }),
      fc.constantFrom('&', '|', '|'),
      groupCount,
    )
    .map(([operands, operator, count]) => `(${operands.join(operator)})${count}`),
}));
/** The last subsignature has to be named by the expression. */
const LAST = SUBSIGNATURES - 1;
/** Some of many, or all of them: where triggers are looked for together, and the commonest is left out. */
const flat = fc
  .tuple(
    fc.subarray(
      Array.from({ length: LAST }, (_none, index) => index),
      { minLength: 1, maxLength: 3 },
    ),
    fc.constantFrom('&', '|>1,2', '|>1,2', '|>2,3', '|=2,2', '|>0,2'),
  )
  .map(([indexes, [operator = '', ...count]]) => `(${[...indexes, LAST].join(operator)})${count.join('')}`);
const line = fc
  .tuple(
    fc.oneof(
      expression.map((text) => `(${text})|(${LAST}>40)`),
      flat,
      flat.map((text) => `(${text})|(${LAST}>40)`),
    ),
    fc.array(subsignature, { minLength: SUBSIGNATURES, maxLength: SUBSIGNATURES }),
  )
  .map(([text, bodies]) => `S;Engine:81-255,Target:0;${text};${bodies.join(';')}`);
const text = fc
  .array(fc.oneof(fc.constantFrom(...WORDS), fc.constantFrom('ALPHABRAVOFOX', 'x', 'a', 'b', '....')), {
    maxLength: 6,
  })
  .map((pieces) => pieces.join(''));

function compile(lines: readonly string[]): CompiledDatabase {
  const compiler = new DatabaseCompiler();
  for (const each of lines) {
    const signature = readLdbLine(each);
    if (signature.kind === 'logical') compiler.addLogical(signature, true);
  }
  return compiler.finish();
}

/** What matches when every signature is evaluated, whatever the pass brings up. */
function evaluateAll({ signatures }: CompiledDatabase, content: Buffer): readonly number[] {
  const evaluator = new SignatureEvaluator(signatures, DEFAULT_ENGINE_OPTIONS.pcre);
  const meter = new WorkMeter(testBudget());
  const reader = new WindowReader(bytesInput(content));
  const subject = { reader, meter, layout: () => undefined, containers: [] };
  return [...signatures.signatures.nameIds.keys()].filter(
    (signature) => evaluator.evaluate(signature, subject) !== undefined,
  );
}

describe('TriggerPass', () => {
  test('brings up every signature that matches, for random expressions in random texts', () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), text, (lines, content) => {
        const database = compile(lines);
        const bytes = Buffer.from(content, 'latin1');
        const scan = new SignatureScan(database.signatures, DEFAULT_ENGINE_OPTIONS.pcre);
        const { logical } = scan.scan({
          input: bytesInput(bytes),
          target: 0,
          layout: () => undefined,
          containers: [],
          meter: new WorkMeter(testBudget()),
        });
        const expected = evaluateAll(database, bytes);
        found += expected.length;
        expect([...logical].sort((a, b) => a - b)).toEqual(
          expected.map((signature) => database.signatures.signatures.nameIds[signature]),
        );
      }),
      { numRuns: 500 },
    );
    expect(found).toBeGreaterThan(100);
  });
});
