import { bytesInput } from '@portcullis/scanner-daemon/dist/src/engine/engine.js';
import { normaliseHtml } from '@portcullis/scanner-daemon/dist/src/engine/normalise/html.js';
import { normaliseScripts } from '@portcullis/scanner-daemon/dist/src/engine/normalise/script.js';
import { normaliseText } from '@portcullis/scanner-daemon/dist/src/engine/normalise/text.js';
import { demand } from '../fuzz-error.js';
import { bytesOf, type DecoderTarget } from './target.js';

const MIB = 1024 * 1024;
const LIMITS = { maxHtmlNormalizeBytes: MIB, maxHtmlNoTagsBytes: MIB, maxScriptNormalizeBytes: MIB };
const TIME_MAX_MS = 2000;
/** A name of one character can come out as one of seven (`n123456`), with a blank before it. */
const GROWTH_MAX = 8;

const PAGES = [
  '<html><head><title>A &amp; B</title></head><body onload="f()"><!-- no --><p class=\'x\'>Text  here</p></body></html>',
  '<a href="http://a.example/?q=%41&#x42;&#67;">link</a><img src=/i.png><form action=x><input value="1">',
  '<script type="text/javascript">var a = "x" + \'y\'; /* c */ function f(b){ return a+b; } // d\nf(1.5e3)</script>',
  '<SCRIPT language="JScript.Encode">#@~^CAAAAA==\\ko$K6,FoAgAA==^#~@</SCRIPT>',
  '<style>p{}</style><![CDATA[x]]><?php echo 1 ?><%= 2 %><textarea></textarea>',
] as const;

const WORDS = [
  ...[
    '<',
    '>',
    '"',
    "'",
    '&',
    '&#',
    '&#x',
    ';',
    '&amp;',
    '&#99999999999;',
    '&#x41;',
    '<!--',
    '-->',
    '<!',
    '</',
  ],
  ...[
    '<script>',
    '</script>',
    '<script',
    '<style>',
    '<a href=',
    '=',
    '\\',
    '\\x41',
    '\\u0041',
    '%u0041',
    '/*',
  ],
  ...[
    '*/',
    '//',
    '\n',
    '\r',
    '\0',
    ' ',
    '\xff',
    'function ',
    'var ',
    '(',
    ')',
    '{',
    '}',
    '+',
    '`',
    '#@~^',
    'n000',
  ],
];

/** HTML, script and text, from bytes to the forms that signatures are matched against. */
export function createNormaliseTarget(): DecoderTarget {
  return {
    name: 'normalise',
    corpus: [
      ...bytesOf(...PAGES, PAGES.join('\r\n'), PAGES.join('\n').repeat(10)),
      ...PAGES.map((page) => Buffer.from(page, 'utf16le')),
    ],
    dictionary: bytesOf(...WORDS),
    check(input) {
      const beganAtMs = performance.now();
      const first = formsOf(input);
      const tookMs = performance.now() - beganAtMs;
      demand(
        tookMs < TIME_MAX_MS,
        `the forms of a short file take little time, not ${Math.round(tookMs)} ms`,
      );
      for (const form of first) {
        demand(form.length <= GROWTH_MAX * input.length + 1024, 'a form is not much longer than the file');
      }
      const again = formsOf(input);
      demand(
        first.every((form, index) => form.equals(again[index] ?? Buffer.alloc(0))),
        'the same file, the same forms',
      );
    },
  };
}

function formsOf(bytes: Buffer): readonly Buffer[] {
  const input = bytesInput(bytes);
  const budget = { mayContinue: () => true };
  const html = normaliseHtml(input, LIMITS, budget);
  const text = normaliseText(input, MIB, budget)?.bytes;
  const forms = [html?.noComment, html?.noTags, normaliseScripts(input, MIB, budget), text];
  return forms.map((form) => Buffer.from(form ?? new Uint8Array(0)));
}
