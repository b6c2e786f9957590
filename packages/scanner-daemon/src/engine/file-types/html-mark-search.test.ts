import { expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { hasHtmlMarkAnywhere } from './html-mark-search.js';

const LINES = 'plain text < 1 line\n'.repeat(20_000);
const WINDOW_BYTES = 256 * 1024;

function isMarked(text: string): boolean {
  return hasHtmlMarkAnywhere(bytesInput(Buffer.from(text)), () => true);
}

test.each([
  ['a tag', `${LINES}<html>`, true],
  ['a tag over the edge of a window', `${'x'.repeat(WINDOW_BYTES - 3)}<html>`, true],
  ['a script', `${LINES}<SCRIPT src=x>`, true],
  ['a link', `${LINES}<a x href=`, true],
  ['a link whose reference is far away', `<a ${LINES}href`, true],
  ['a link whose anchor comes second', `<A ${LINES}<a ${LINES}href`, true],
  ['a reference before its anchor', `href ${LINES}<a `, false],
  ['a tag in a spelling that does not count', `${LINES}<hTML> <Table`, false],
  ['text', LINES, false],
  ['nothing', '', false],
])('%s', (_, text, expected) => {
  expect(isMarked(text)).toBe(expected);
});

test('nothing is found once time is up', () => {
  expect(hasHtmlMarkAnywhere(bytesInput(Buffer.from('<html>')), () => false)).toBe(false);
});
