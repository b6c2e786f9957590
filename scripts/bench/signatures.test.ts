import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { composeEicar } from './probes.js';
import { generateHashSignatures } from './signatures.js';

test('generateHashSignatures: gives distinct well-formed lines, the EICAR hash among them', () => {
  const lines = generateHashSignatures(1000).trimEnd().split('\n');
  expect(lines).toHaveLength(1001);
  for (const line of lines) expect(line).toMatch(/^[0-9a-f]{32}:[0-9]+:Bench\.[A-Za-z0-9.-]+$/);
  expect(new Set(lines.map((line) => line.slice(0, 32))).size).toBe(1001);
  expect(lines[0]?.startsWith(`${createHash('md5').update(composeEicar()).digest('hex')}:68:`)).toBe(true);
});
