import { expect, test } from '@jest/globals';
import { bytesInput } from '../engine.js';
import { normaliseScripts } from './script.js';

const ALWAYS = { mayContinue: (): boolean => true };

function formOf(text: string, maxBytes = 1e6): string | undefined {
  const form = normaliseScripts(bytesInput(Buffer.from(text, 'latin1')), maxBytes, ALWAYS);
  return form && Buffer.from(form).toString('latin1');
}

/** What `sigtool --html-normalise` of ClamAV 1.4.6 wrote as `javascript`. */
test.each([
  ['var A = 1;\n// comment\nfoo( \'x Y\' , "z" );', 'var n000=1;comment foo("x y","z");'],
  [
    '/* c */ var longname=1; function Abc(x,y){ return x + y ; }',
    'var n000=1;function n001(n002,n003){return n002+n003;}',
  ],
  ['A = B', 'a=b'],
  ['Dim X\nX = 1', 'dim x x=1'],
  ['', ''],
  ['unclosed', 'unclosed'],
  ["x = '\\x41\\u0042'+'cd'+\"ef\";", 'x="abcdef";'],
  [
    'if(a<b&&c>d){e=f?g:h;}for(var i=0;i<10;i++){k[i]=i;}',
    'if(a<b&&c>d){e=f?g:h;}for(var n000=0;n000<10;n000++){k[n000]=n000;}',
  ],
  [
    'var abc=1; var def=abc; function ghi(){var loc=1;return loc+abc;} window.alert(abc);',
    'var n000=1;var n001=n000;function n002(){var n003=1;return n003+n000;}window.alert(n000);',
  ],
  ['var a=f(x,y);y', 'var n000=f(x,n001);n001'],
  ['var a=[x,y],b={c:1,d:2};y', 'var n000=[x,y],n001={c:1,d:2};y'],
  ['var a=1\ng("c",(e)=>{e})', 'var n000=1 g("c",(n001)=>{n001})'],
  ['var a=f(function(){g(h,k);}),m;m;k', 'var n000=f(function(){g(h,k);}),n001;n001;k'],
  ['var a,b=2,c;c=a+b;', 'var n000,n001=2,n002;n002=n000+n001;'],
  [
    'function f(a){var b=a;}function g(a){b=a;}',
    'function n000(n001){var n002=n001;}function n003(n004){b=n004;}',
  ],
  ["x={a:1,b:'c'};x.a=2;", 'x={a:1,b:"c"};x.a=2;'],
  ["x='A  B\\n';y=1.50;z=.5;", 'x="a  b ";y=1.5;z=.5;'],
  ['http://foo/bar\nz', 'http:z'],
  ['\xe9\xff \x01', ''],
  ['a`b c`d#e@f', 'a b c d e f'],
  ['x=a\\b;(\\b;1\\2;var \\x=1', 'x=a b;( b;1  2;var n000 x=1</script>)'],
  ['a&lt;b', 'a&lt;b'],
  ['n=0x1F+010+1.5e3;', 'n=0 x1f+10+1500;'],
  ['a;var a=1;f(a)', 'n000;var n000=1;f(n000)'],
  ['var a;var a;a', 'var n001;var n001;n001'],
  ['function f(a,b){b;var b;a} f();', 'function n000(n001,n003){n003;var n003;n001}f();'],
  ['function f(){var f;f}', 'function n001(){var n001;n001}'],
  ['{var a,b;b}', '{var n000,b;b}'],
  ['if(x){var a;} y, z;z', 'if(x){var n000;}y,n001;n001'],
  ['var a=function(x){var b;},d;d', 'var n000=function(n001){var n002;},n003;n003'],
  ['var [x,y],z;z', 'var[n000,n001],n002;n002'],
  ['var ;x', 'var;x'],
  ['function(a b,c){a;b}', 'function(n000 b,n001){n000;b}'],
  ['x\\u0041;\\u0041', 'x\\0041;\\0041'],
  ['"\\u4e2d\\xe9\\u0000\\xzz"', '"\xe4\xb8\xad\xe9\x01\xff"'],
  ['"\xc9\\xC9"', '"\xc9\xc9"'],
  ['a(b;c(d)', 'a(b;c(d)</script>)'],
  ['//a\tb c', 'c'],
  ['a<</script>b</script>', 'a<</script>b'],
  ['a<<</script>b', 'a<<'],
  ['"a<!x</script>b>c', '"a<!x</script>b>c</script>"'],
  ['"</b</script>', '"</b</script></script>"'],
  ['a<b', 'a<b'],
])('%j', (script, expected) => {
  expect(formOf(`<html><SCRIPT type=x>${script}</script>`)).toBe(`<script>${expected}</script>`);
});

/** The same, of what does not end in `</script>` or in the middle of a string. */
test.each([
  ['a="abc</script>rest</html>', 'a="abc</script>"'],
  ["a='abc\n d=e;</SCRIPT>", 'a="abc  d=e;</script>"'],
  ['a="abc\\</script>', 'a="abc</script>"'],
  ['a="</script>', 'a="</script>"'],
  ['a="b"+"c</script>', 'a="bc</script>"'],
  ['a="abc</script>";b', 'a="abc</script>"'],
  ['a="abc</scripts>rest</script>', 'a="abc</scripts>rest</script>"'],
  ['a=\'b"</script>', 'a="b"</script>"'],
  ['//abc "q</script>', '"q</script>"'],
  ["a=\"abc</script foo='bar'>rest", 'a="abc</script "'],
  ['a="abc</script\n\n>rest', 'a="abc</script  "'],
  ['a="abc', 'a="abc"'],
  ['a="abc\\', 'a="abc\\"'],
  ['a="', 'a=""'],
  ['a=b</script >zz', 'a=b</script'],
  ['a=b</script', 'a=b</'],
  ['var script=1;</script>', 'var n000=1;</n000>'],
  ['var Script=1</SCRIPT>', 'var n000=1'],
  ['function</script>', 'function</n000>'],
  ['a</</script>', 'a</'],
  ['//abc</script>', ''],
  ['/* abc</script>', ''],
  ['foo bar', 'foo'],
  ['12', ''],
  ['x=12 ', 'x=12'],
  ['a\\', 'a'],
])('the end of %j', (rest, expected) => {
  expect(formOf(`<html><script>${rest}`)).toBe(`<script>${expected}</script>`);
});

test('each script begins its names anew', () => {
  expect(formOf('<script>var a=1;</script>x<script>a=2;var b</script>')).toBe(
    '<script>var n000=1;</script>\n<script>a=2;var n000</script>',
  );
});

test('UTF-16 is read as if it were not', () => {
  const input = Buffer.from('<script>a = b</script>', 'utf16le');
  expect(formOf(input.toString('latin1'))).toBe('<script>a=b</script>');
});

test('there is none without a script, or for what is too large', () => {
  expect(formOf('<b>no script</b><scripts>')).toBeUndefined();
  expect(formOf('<script>a</script>', 10)).toBeUndefined();
});

test.each([['<script '], ['<script>'], ['function(){'], ["'\\"], ['/*'], ['var a,']])(
  'many of %j take little time',
  (text) => {
    const startedAtMs = performance.now();
    formOf(`<script>${text.repeat(100_000)}`, 1e7);
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  },
);
