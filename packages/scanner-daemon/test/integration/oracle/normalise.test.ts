import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { bytesInput } from '../../../src/engine/engine.js';
import { normaliseHtml } from '../../../src/engine/normalise/html.js';
import { normaliseScripts } from '../../../src/engine/normalise/script.js';
import { normaliseText } from '../../../src/engine/normalise/text.js';

const SIGTOOL = '/usr/bin/sigtool';
const DOCUMENTS = '/usr/share/doc';
const FILE_COUNT_MAX = 30;
const FILE_MAX_BYTES = 300_000;

const LIMITS = { maxHtmlNormalizeBytes: 4e7, maxHtmlNoTagsBytes: 8e6, maxScriptNormalizeBytes: 2e7 };
const ALWAYS = { mayContinue: (): boolean => true };

/** What sigtool writes into a directory of its own; it may crash once its files are written. */
function oracle(mode: 'ascii' | 'html', bytes: Uint8Array, fileName: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-normalise-'));
  try {
    writeFileSync(join(directory, 'input'), bytes);
    spawnSync(SIGTOOL, [`--${mode}-normalise=input`], { cwd: directory, timeout: 10_000 });
    const path = join(directory, fileName);
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function documents(extension: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(DOCUMENTS, { recursive: true, withFileTypes: true })) {
    if (found.length === FILE_COUNT_MAX) break;
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path.endsWith(extension) && statSync(path).size < FILE_MAX_BYTES) found.push(path);
  }
  return found;
}

const MADE_HERE = [
  '<a href="x y">T</a> &copy; <b x=\'1\' >B</b><!-- c --><script>if (a < b) c()</script>end',
  `${'word '.repeat(4000)}<p class="a b">${'x'.repeat(9000)} y`,
  '\u3002\u00e9<img src="\u20ac">\u00e9 z',
];

/** Scripts that do not end as they should, and names declared here and there. */
const ODD_SCRIPTS = [
  'a="abc</script>rest',
  "a='abc</script >rest<script>b</script>",
  'a="abc',
  'f(a;g(b</script>',
  'a//b\tc d</script>',
  '<!-- var a; //--></script>x<script>var A=1</SCRIPT>',
  'f(x);function f(x){var x,y;x=y}f(x);var f;f</script>',
  'if(x){var a,b;} y, z;var [p,q],r;p=q=r=z;a.p=b</script>',
  '"\\u4e2d\\xe9\\u0000\\xzz\\f";x\\u0041=1;</script>',
  'a<<</script>b<</script>c</b</script></script>',
].map((script) => `<html><script>${script}`);

const skipReason = existsSync(SIGTOOL) ? undefined : 'sigtool is not installed';

describeOrSkip('normalised forms equal sigtool', skipReason, () => {
  test('of HTML', () => {
    const inputs = [
      ...MADE_HERE.map((text) => Buffer.from(text)),
      ...documents('.html').map((path) => readFileSync(path)),
    ];
    const different = inputs.filter((bytes) => {
      const made = normaliseHtml(bytesInput(bytes), LIMITS, ALWAYS);
      const noComment = oracle('html', bytes, 'nocomment.html');
      const noTags = oracle('html', bytes, 'notags.html');
      return !noComment.equals(made?.noComment ?? bytes) || !noTags.equals(made?.noTags ?? bytes);
    });
    expect(different.map((bytes) => bytes.subarray(0, 80).toString('latin1'))).toEqual([]);
  }, 30_000);

  test('of scripts', () => {
    const inputs = [
      ...[...MADE_HERE, ...ODD_SCRIPTS].map((text) => Buffer.from(text)),
      ...documents('.html').map((path) => readFileSync(path)),
    ];
    const different = inputs.filter((bytes) => {
      const form = normaliseScripts(bytesInput(bytes), 2e7, ALWAYS);
      return !oracle('html', bytes, 'javascript').equals(form ?? Buffer.alloc(0));
    });
    expect(different.map((bytes) => bytes.subarray(0, 80).toString('latin1'))).toEqual([]);
  }, 30_000);

  test('of text', () => {
    const inputs = [
      ...MADE_HERE.map((text) => Buffer.from(text)),
      ...documents('.txt').map((path) => readFileSync(path)),
    ];
    const different = inputs.filter((bytes) => {
      const form = normaliseText(bytesInput(bytes), 2e7, ALWAYS);
      return bytes.length > 0 && !oracle('ascii', bytes, 'normalised_text').equals(form?.bytes ?? bytes);
    });
    expect(different.map((bytes) => bytes.subarray(0, 80).toString('latin1'))).toEqual([]);
  }, 30_000);
});
