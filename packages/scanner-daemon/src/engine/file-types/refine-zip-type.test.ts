import { expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { zipOf } from '../unpack/testing/containers.js';
import { isContainerType, refineZipType } from './refine-zip-type.js';

const content = Buffer.from('content');

/** Facts from clamscan 1.4.6 with signatures for each container. */
test.each([
  [['word/document.xml'], 'ooxmlWord'],
  [['a', 'b', 'word/document.xml'], 'ooxmlWord'],
  [['a', 'b', 'c', 'word/document.xml'], 'zip'],
  [['a', 'b', '[Content_Types].xml', 'c', 'd', 'e', 'word/document.xml'], 'ooxmlWord'],
  [
    ['[Content_Types].xml', '_rels/.rels', 'docProps/app.xml', 'docProps/core.xml', 'xl/workbook.xml'],
    'ooxmlExcel',
  ],
  [['customXml/item1.xml', 'a', 'b', 'c', 'ppt/x.xml'], 'ooxmlPowerpoint'],
  [['mimetype', 'a', 'b', 'c', 'Contents/content.hpf'], 'ooxmlHwp'],
  [['[Content_Types].xml', 'xl/a', 'word/b'], 'ooxmlExcel'],
  [['_rels/.rels', 'a', 'b', 'xl/workbook.xml'], 'zip'],
  [['word', 'WORD/document.xml', 'x/word/document.xml'], 'zip'],
] as const)('%j is %s', (names, type) => {
  const archive = zipOf(names.map((name) => ({ name, content })));
  expect(refineZipType(bytesInput(archive))).toBe(type);
});

test('what has no directory stays a zip file', () => {
  expect(refineZipType(bytesInput(Buffer.from('PK\u0003\u0004')))).toBe('zip');
});

test('an OOXML file is a zip file too', () => {
  expect(isContainerType('CL_TYPE_OOXML_WORD', 'CL_TYPE_ZIP')).toBe(true);
  expect(isContainerType('CL_TYPE_ZIP', 'CL_TYPE_OOXML_WORD')).toBe(false);
});
