import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseError } from '@portcullis/scanner-daemon/dist/src/database/database-error.js';
import { loadDatabase } from '@portcullis/scanner-daemon/dist/src/database/load-database.js';
import type { LoadedBuiltinDatabase } from '@portcullis/scanner-daemon/dist/src/database/loaded-database.js';
import { BuiltinEngine } from '@portcullis/scanner-daemon/dist/src/engine/builtin/builtin-engine.js';
import { buildPe } from '@portcullis/scanner-daemon/dist/src/engine/executables/testing/pe-builder.js';
import { zipOf } from '@portcullis/scanner-daemon/dist/src/engine/unpack/testing/containers.js';
import { demand } from '../fuzz-error.js';
import { realSignatures } from './real-signatures.js';
import { scanWithin } from './scan-within.js';
import { withScratchDirectory } from './scratch-directory.js';
import { bytesOf, type DecoderTarget } from './target.js';

const LOAD_MAX_MS = 4000;
/** A line that is refused is taken out and the rest tried again, so that something is left to scan with. */
const ATTEMPTS_MAX = 6;
const FILES_MAX = 8;
/** Begins a file of the database: its extension follows. */
const FILE_MARK = '@';
const EXTENSIONS = [
  ...[
    'ndb',
    'ldb',
    'hdb',
    'hsb',
    'mdb',
    'msb',
    'imp',
    'fp',
    'sfp',
    'ign',
    'ign2',
    'cdb',
    'db',
    'ndu',
    'ldu',
    'hdu',
  ],
  ...['hsu', 'mdu', 'msu', 'crb', 'cbc', 'pdb', 'wdb', 'yara', 'ftm', 'idb', 'info', 'cfg'],
] as const;
const REAL_FILES = ['main.ldb', 'daily.ndb', 'main.hdb', 'daily.hsb', 'main.fp'] as const;
/** Of each of these files. */
const REAL_LINES = 60;
const LINES_AN_INPUT = 6;

const MD5 = '44d88612fea8a8f36de82e1278abb02f';
const SHA1 = '3395856ce81f2b7382dee72602f798b642f14140';
const SHA256 = '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f';
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  ndb: [
    'A:0:*:414243{2-4}4445??46*474849(4a|4b|4c4d)!(4e)(B)4f50',
    'B:1:EP+0,20:4?4?41414141[3-9]42',
    'C:3:EOF-20:3c68746d6c3e(L)6162{-9}6264{3-}636465:51:255',
    'D:1:S1+2,100:6162636465',
  ],
  ldb: [
    'L1;Engine:51-255,Target:0;(0>1,1&1)|2=0;414243;444546::iwfa;0/a+(b|c)/gi',
    'L2;Engine:81-255,Target:1,EntryPoint:0-99,NumberOfSections:1-9,FileSize:1-9999;0&1&2;EP+0:4142;VI:430044;0(>>4#de2#=12)',
    'L3;Engine:81-255,Target:0,Container:CL_TYPE_ZIP,Intermediates:CL_TYPE_ZIP>CL_TYPE_ANY;0|1;4142;${6-9}0$',
    'L4;Engine:124-255,Target:1,IconGroup1:A;((0&1)>2,2|(2<3));4142;4243(44|45)46;fuzzy_img#af2ad01ed42993c7#0',
  ],
  hdb: [`${MD5}:68:H`, `${MD5}:*:I:73`],
  hsb: [`${SHA256}:68:J`, `${SHA1}:*:K:73:255`],
  mdb: [`512:${MD5}:M`, `*:${MD5}:N:73`],
  msb: [`512:${SHA256}:O`],
  imp: [`${MD5}:45:P`, `${MD5}:*:Q:90`],
  fp: [`${MD5}:68:F`],
  ign2: ['A', `Ign:${'ab'.repeat(16)}`],
  ign: ['main.ndb:1:A'],
  cdb: ['Z:CL_TYPE_ZIP:1-9999:a.*[0-9]+:*:1-9:0:1:*:*', 'Y:*:*:\\.exe$:5:5:1:2-3:0:*'],
  db: ['D=414243444546474849'],
  crb: ['T;S;0;;;;;;;;'],
  yara: ['rule r { strings: $a = "x" condition: $a }'],
  pdb: ['H:example.com:1-255'],
};
const FILE = Buffer.from(
  buildPe({
    sections: [{ bytes: Buffer.from('ABCD EFABCDEFGHIJNOP aabbc') }],
    imports: [{ library: 'KERNEL32.dll', functions: ['ExitProcess'] }],
    versionStrings: [['CompanyName', 'Acme']],
  }),
);
const ARCHIVE = zipOf([{ name: 'a1.exe', content: FILE }]);

const WORDS = [
  ...EXTENSIONS.map((extension) => `\n${FILE_MARK}${extension}\n`),
  ...[
    ':',
    ';',
    '\n',
    '\r\n',
    '\0',
    '*',
    '??',
    '4?',
    '{',
    '}',
    '{-5}',
    '{5-}',
    '{2-9}',
    '[1-9]',
    '(41|4243)',
    '!(41)',
  ],
  ...[
    '(B)',
    '(L)',
    '(W)',
    '|',
    '&',
    '(',
    ')',
    '=',
    '<',
    '>',
    ',',
    '::iwfa',
    '/',
    '/gis',
    '[^a]*',
    '(a|b)+',
    '\\',
  ],
  ...[
    'EP+',
    'EOF-',
    'S1+',
    'SL+',
    'SE0',
    'VI',
    'Target:',
    'Engine:51-255',
    '4294967296',
    '-1',
    '99999999999999999',
  ],
  ...[
    '0',
    '1',
    '64',
    '$',
    '${1-2}3$',
    '(>>4#he2#=12)',
    'fuzzy_img#',
    '41',
    'ffff',
    'a'.repeat(64),
    '#',
    '00000000',
  ],
];

/**
 * Files of signatures, from bytes through their readers to a compiled database, and scans with what is left once the
 * lines that are refused are out: of an executable, an archive, and of what the signatures themselves speak of.
 */
export function createSignaturesTarget(): DecoderTarget {
  return {
    name: 'signatures',
    corpus: bytesOf(...corpusTexts()),
    dictionary: bytesOf(...WORDS),
    check: (input) =>
      withScratchDirectory(async (directory) => {
        const loaded = await loadWhatCanBe(directory, filesOf(input));
        if (loaded === undefined) return;
        const engine = new BuiltinEngine(loaded.compiled);
        for (const subject of [FILE, ARCHIVE, input, spokenOf(input)]) scanWithin(engine, subject);
      }),
  };
}

interface SignatureText {
  readonly name: string;
  readonly lines: string[];
}

function filesOf(input: Buffer): readonly SignatureText[] {
  const files: SignatureText[] = [];
  let current: SignatureText = { name: 'f0.ldb', lines: [] };
  for (const line of input.toString('latin1').split('\n')) {
    const extension = line.startsWith(FILE_MARK) ? line.slice(1).trim() : '';
    if (EXTENSIONS.some((known) => known === extension) && files.length < FILES_MAX) {
      files.push(current);
      current = { name: `f${files.length}.${extension}`, lines: [] };
    } else current.lines.push(line);
  }
  return [...files, current].filter(({ lines }) => lines.some((line) => line !== ''));
}

async function loadWhatCanBe(
  directory: string,
  files: readonly SignatureText[],
): Promise<LoadedBuiltinDatabase | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    for (const { name, lines } of files) await writeFile(join(directory, name), lines.join('\n'), 'latin1');
    const beganAtMs = performance.now();
    try {
      return await loadDatabase({ directory, detectPua: true });
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (!removeLine(files, error)) return undefined;
    } finally {
      const tookMs = performance.now() - beganAtMs;
      demand(tookMs < LOAD_MAX_MS, `few signatures load in little time, not in ${Math.round(tookMs)} ms`);
    }
  }
  return undefined;
}

function removeLine(files: readonly SignatureText[], { context }: DatabaseError): boolean {
  const { path, line } = context;
  const file = files.find(({ name }) => name === basename(String(path)));
  if (file === undefined || typeof line !== 'number' || line > file.lines.length) return false;
  file.lines.splice(line - 1, 1);
  return true;
}

/** What stands in the signatures as hexadecimal, as bytes: many of them match it. */
function spokenOf(input: Buffer): Buffer {
  const digits = input.toString('latin1').match(/(?:[0-9a-fA-F?]{2}){2,}/g) ?? [];
  return Buffer.from(digits.join('').replaceAll('?', '4'), 'hex');
}

function corpusTexts(): readonly string[] {
  const written = Object.entries(WRITTEN).map(([extension, lines]) => textOf(extension, lines));
  const real = realSignatures(REAL_FILES.map((file) => ({ file, count: REAL_LINES }))).flatMap(
    (lines, index) => {
      const extension = REAL_FILES[index]?.split('.')[1] ?? '';
      const texts: string[] = [];
      for (let at = 0; at < lines.length; at += LINES_AN_INPUT)
        texts.push(textOf(extension, lines.slice(at, at + LINES_AN_INPUT)));
      return texts;
    },
  );
  return [...written, written.join(''), ...real];
}

function textOf(extension: string, lines: readonly string[]): string {
  return `${FILE_MARK}${extension}\n${lines.join('\n')}\n`;
}
