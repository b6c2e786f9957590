import { describe, expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { normaliseHtml } from './html.js';

const LIMITS = { maxHtmlNormalizeBytes: 1e6, maxHtmlNoTagsBytes: 1e6, maxScriptNormalizeBytes: 1e6 };
const ALWAYS = { mayContinue: (): boolean => true };

function forms(text: string): readonly [string, string] {
  const made = normaliseHtml(bytesInput(Buffer.from(text, 'latin1')), LIMITS, ALWAYS);
  return [latin1(made?.noComment), latin1(made?.noTags)];
}

function latin1(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? new Uint8Array()).toString('latin1');
}

/** What `sigtool --html-normalise` of ClamAV 1.4.6 wrote: nocomment.html and notags.html. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['A B', 'a b', 'a b'],
  [' a ', 'a', 'a '],
  ['a\r\nb', 'a b', 'a b'],
  ['< b>x', '<b>x', ' x'],
  ['a <b>  x </b>  y', 'a <b>x </b>y', 'a x y'],
  ['<b x = 1 >y', '<b x=1>y', ' y'],
  ["<b x='A B'>y", '<b x="a b">y', ' y'],
  ['<b x="a"c>y', '<b x="a" c>y', ' y'],
  ['<b x="a b"/>y', '<b x="a b"/>y', ' y'],
  ['<b x="1"/>w', '<b x="1" />w', ' w'],
  ['<b x="unclosed>y</b>z', '<b x="unclosed>y</b>z', ' z'],
  ['<a href="HTTP://x/Y">t', '<a href="http://x/y">t', ' HTTP://x/Y t'],
  ['<a href="a b c d">t', '<a href="a b c d">t', ' a  t'],
  ['<img src=I.png alt="Alt T">t', '<img src=i.png alt="alt t">t', ' I.png t'],
  ['a<!--x>y-->b', 'ay-->b', 'a y-->b'],
  ['x <!-- y', 'x ', 'x '],
  ['x&eacute;y', 'x\xe9y', 'x y'],
  ['x&#x20AC;y', 'x&#x20ac;y', 'x y'],
  ['x&#65;y', 'xay', 'x y'],
  ['x&#65y', 'xAy', 'x y'],
  ['x&foo;y', 'x&foo;y', 'x y'],
  ['<script> a  =  "x  Y" ;\n b </script>c', '<script>a="xy";b</script>c', ' c'],
  ['<script>"</script>"</script>c', '<script>"</script>"</script>c', ' " c'],
  ['<style>a > b</style>c', '<style>a>b</style>c', ' c'],
  ['a\xe9b', 'a\xe9b', 'a\0b'],
  ['a\xe2\x82\xacb', 'a\xe2\x82\xacb', 'a\xe2\x82\x82b'],
  ['', '', ''],
  ['<', '<', ' '],
];

describe('normaliseHtml', () => {
  test.each(CASES)('%j', (input, noComment, noTags) => {
    expect(forms(input)).toEqual([noComment, noTags]);
  });

  test('loses the space at which a chunk of 8,191 bytes ends', () => {
    expect(forms(`${'x'.repeat(8191)} y z`)[0]).toBe(`${'x'.repeat(8191)}y z`);
    expect(forms(`${'x'.repeat(8190)} y z`)[0]).toBe(`${'x'.repeat(8190)} y z`);
  });

  test('makes nothing of a file above the limit, or when time is up', () => {
    const input = bytesInput(Buffer.from('<b>1</b>'));
    expect(normaliseHtml(input, { ...LIMITS, maxHtmlNormalizeBytes: 7 }, ALWAYS)).toBeUndefined();
    expect(normaliseHtml(input, LIMITS, { mayContinue: () => false })).toBeUndefined();
    expect(normaliseHtml(input, { ...LIMITS, maxHtmlNoTagsBytes: 2 }, ALWAYS)?.noTags).toBeUndefined();
  });
});
