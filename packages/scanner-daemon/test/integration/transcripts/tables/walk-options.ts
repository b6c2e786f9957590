import type { ConfName } from '../conf-variants.js';
import { ROOT, row } from '../script.js';
import type { Script, Topic } from '../script.js';

const SCANS = ['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'] as const;

function walks(conf: ConfName, targets: readonly (readonly [string, string])[]): Script[] {
  return SCANS.flatMap((command) =>
    targets.map(([title, path]) => {
      const name = `${conf}: ${command}: ${title}`;
      return row(name, [`z${command} ${path}\0`], {
        conf,
        sorted: command === 'MULTISCAN',
      });
    }),
  );
}

const EXCLUDED = walks('excluded', [
  ['a tree with excluded files and directories', `${ROOT}/exclude`],
  ['an excluded directory', `${ROOT}/exclude/skipped`],
  ['an excluded directory by a pattern with a slash', `${ROOT}/exclude/dir-only`],
  ['a directory in an excluded one', `${ROOT}/exclude/dir-only/below`],
  ['an excluded file by its capital letters', `${ROOT}/exclude/cased`],
  ['an excluded file', `${ROOT}/exclude/kept/skipped`],
  ['a file against the pattern of a directory', `${ROOT}/exclude/kept/dir-only`],
  ['a pattern is case-sensitive', `${ROOT}/exclude/cased/bad-1`],
  ['excluded though missing', `${ROOT}/missing/skipped`],
  ['excluded behind slashes', `/${ROOT}/exclude/skipped//`],
]);

const LINKS: readonly (readonly [string, string])[] = [
  ['a link to a file', `${ROOT}/links/to-eicar`],
  ['a link to a directory', `${ROOT}/links/to-mixed`],
  ['a link to nowhere', `${ROOT}/links/to-nowhere`],
  ['a link to itself', `${ROOT}/rings/to-itself`],
  ['a directory with links', `${ROOT}/links`],
  ['a directory with a link to nowhere', `${ROOT}/dangling`],
  ['a path through a link', `${ROOT}/links/to-mixed/bad`],
];

const ELSEWHERE = walks('oneFilesystem', [
  ['a directory with a link to a file elsewhere', `${ROOT}/elsewhere`],
  ['a directory with a link to a directory elsewhere', `${ROOT}/elsewhere-too`],
  ['a link to a file elsewhere', `${ROOT}/elsewhere/to-proc`],
  ['a link to a directory elsewhere', `${ROOT}/elsewhere-too/to-shm`],
  ['a file here', `${ROOT}/elsewhere/bad`],
]);

/** The options of clamd.conf that change a walk (behaviour 1.10). */
export const WALK_OPTIONS: Topic = {
  name: 'walk-options',
  scripts: [
    ...EXCLUDED,
    ...walks('linksFollowed', [...LINKS, ['four levels without a limit', `${ROOT}/deep`]]),
    ...ELSEWHERE,
    ...walks('shallow', [
      ['deeper than the limit', `${ROOT}/deep`],
      ['its second level', `${ROOT}/deep/d1/d2`],
    ]),
  ],
};
