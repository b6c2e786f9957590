import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { IgnoreList } from './ignore-list.js';

const LINE = Buffer.from('44d88612fea8a8f36de82e1278abb02f:68:HName');
const MD5 = createHash('md5').update(LINE).digest('hex');

/** What clamscan 1.4.6 did with the line in a `.ign` and in a `.ign2`. */
describe('IgnoreList', () => {
  test.each([
    ['HName', true],
    ['t.hdb:1:HName', true],
    ['other.hdb:99:HName', true],
    [`HName:${MD5}`, true],
    [`HName:${MD5.toUpperCase()}`, true],
    ['A::HName', true],
    ['hname', false],
    ['HName.UNOFFICIAL', false],
    ['HNam', false],
    ['HName ', false],
    ['t.hdb:1:Foo', false],
    [`HName:${'0'.repeat(32)}`, false],
  ])('%j leaves the signature out: %s', (line, isIgnored) => {
    const list = new IgnoreList();
    expect(list.addLine(line)).toBe(true);
    expect(list.has('HName', LINE)).toBe(isIgnored);
  });

  test.each(['', ':A', 'A:', 'HName:abcd', 'HName:', 't.hdb:HName', 't.hdb:1:', 'a:b:c:d', `A:${MD5}`])(
    'refuses %j',
    (line) => {
      expect(new IgnoreList().addLine(line)).toBe(false);
    },
  );

  test('compares the lines of .cdb by name alone', () => {
    const list = new IgnoreList();
    list.addLine(`HName:${MD5}`);
    expect(list.hasName('HName')).toBe(false);
    list.addLine('Other');
    expect(list.hasName('Other')).toBe(true);
  });
});
