import { GARBAGE_RACE, ONE_LINE_A_SIGNATURE, ROOT, row } from '../script.js';
import type { Difference, Script, Topic } from '../script.js';

const SCANS = ['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'] as const;

/** What is scanned, by every command; the title says what it is. */
const TARGETS: readonly (readonly [string, string])[] = [
  ['an empty file', `${ROOT}/empty`],
  ['a file with two signatures', `${ROOT}/both`],
  ['a text file with two signatures', `${ROOT}/both-text`],
  ['a missing file', `${ROOT}/missing`],
  ['a missing directory', `${ROOT}/missing/file`],
  ['below a file', `${ROOT}/clean/below`],
  ['a relative path', 'clean'],
  ['a name of 256 bytes', `${ROOT}/${'n'.repeat(256)}`],
  ['a link to a file', `${ROOT}/links/to-eicar`],
  ['a link to a directory', `${ROOT}/links/to-mixed`],
  ['a link to nowhere', `${ROOT}/links/to-nowhere`],
  ['a link to itself', `${ROOT}/rings/to-itself`],
  ['a directory with links', `${ROOT}/links`],
  ['a directory with a link to nowhere', `${ROOT}/dangling`],
  ['a path through a link', `${ROOT}/links/to-mixed/bad`],
  ['a FIFO', `${ROOT}/fifo`],
  ['a socket', `${ROOT}/socket`],
  ['a device', '/dev/null'],
  ['a FIFO behind two slashes', `/${ROOT}/fifo`],
  ['a directory with a FIFO', `${ROOT}/specials`],
  ['a file of procfs', '/proc/version'],
  ['a clean directory', `${ROOT}/good`],
  ['an empty directory', `${ROOT}/bare`],
  ['a directory with an empty file', `${ROOT}/only-empty`],
  ['a directory with directories only', `${ROOT}/only-directories`],
  ['a directory of all sorts', `${ROOT}/mixed`],
  ['nested directories', `${ROOT}/deep`],
  ['a directory behind a slash', `${ROOT}/mixed/`],
  ['slashes behind a clean file', `${ROOT}/clean///`],
  ['slashes behind an infected file', `${ROOT}/eicar//`],
  ['slashes before a clean file', `//${ROOT}/clean`],
  ['slashes before an infected file', `//${ROOT}/eicar`],
  ['slashes before a missing file', `///${ROOT}/missing`],
  ['slashes inside', `${ROOT}//mixed//bad-1`],
  ['dots inside', `${ROOT}/./mixed/../eicar`],
  ['a directory by dots', `${ROOT}/mixed/..//mixed/.`],
  ['a name with spaces around', `${ROOT}/ padded `],
  ['a space before the path', ` ${ROOT}/eicar`],
  ['a name with a newline', `${ROOT}/new\nline`],
  ['a name that is not UTF-8', `${ROOT}/latin-\xe9`],
];

/** By the name of the script. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'ALLMATCHSCAN: a file with two signatures': bothMatches('both', '\0'),
  'ALLMATCHSCAN: a text file with two signatures': bothMatches('both-text', '\0'),
};

function bothMatches(name: string, terminator: string): Difference {
  const lines = ['Marker', 'Second'].map(
    (word) => `${ROOT}/${name}: Test.${word}.UNOFFICIAL FOUND${terminator}`,
  );
  return { received: lines.join(''), because: ONE_LINE_A_SIGNATURE };
}

function everyTarget(): Script[] {
  return SCANS.flatMap((command) =>
    TARGETS.map(([title, path]) => {
      const name = `${command}: ${title}`;
      return row(name, [`z${command} ${path}\0`], {
        sorted: command === 'MULTISCAN',
        differs: DIFFERENCES[name],
      });
    }),
  );
}

/** In n, where a newline ends the path. */
const IN_N: readonly Script[] = [
  row('n: a name with a newline', [`nSCAN ${ROOT}/new\nline\n`], GARBAGE_RACE),
  row('n: CONTSCAN of a directory', [`nCONTSCAN ${ROOT}/mixed\n`]),
  row('n: ALLMATCHSCAN of a file with two signatures', [`nALLMATCHSCAN ${ROOT}/both\n`], {
    differs: bothMatches('both', '\n'),
  }),
  row('n: MULTISCAN of a directory', [`nMULTISCAN ${ROOT}/wide\n`], { sorted: true }),
  row('old: CONTSCAN of a directory', [`CONTSCAN ${ROOT}/mixed\n`]),
  row('CONTSCAN of twelve files in the order of their inodes', [`zCONTSCAN ${ROOT}/wide\0`]),
  row('SCAN of twelve files', [`zSCAN ${ROOT}/wide\0`]),
  row('MULTISCAN of twelve files', [`zMULTISCAN ${ROOT}/wide\0`], { sorted: true }),
];

/** After `User nobody`: files that cannot be read. */
function denied(): Script[] {
  const targets = [
    ['an unreadable file', `${ROOT}/denied/file`],
    ['a directory with an unreadable file', `${ROOT}/denied`],
    ['a directory with unreadable files only', `${ROOT}/all-denied`],
    ['an unreadable directory', `${ROOT}/denied-below/shut`],
    ['a file in an unreadable directory', `${ROOT}/denied-below/shut/bad`],
    ['a directory with an unreadable one', `${ROOT}/denied-below`],
  ] as const;
  return SCANS.flatMap((command) =>
    targets.map(([title, path]) => {
      const name = `${command}: ${title}`;
      return row(name, [`z${command} ${path}\0`], {
        conf: 'unprivileged',
        sorted: command === 'MULTISCAN',
        differs: DIFFERENCES[name],
      });
    }),
  );
}

/** SCAN and its sisters on paths (behaviour 1.10), with the defaults of clamd.conf. */
export const PATHS: Topic = { name: 'paths', scripts: [...everyTarget(), ...IN_N, ...denied()] };
