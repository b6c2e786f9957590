import { pause, ROOT, row } from '../script.js';
import type { Difference, Script, Topic } from '../script.js';

const FRAMES = [
  { frame: 'z', before: 'z', after: '\0' },
  { frame: 'n', before: 'n', after: '\n' },
  { frame: 'old', before: '', after: '\n' },
] as const;

/** Takes no argument and leaves the daemon alive. */
const PLAIN = [
  'PING',
  'VERSION',
  'VERSIONCOMMANDS',
  'RELOAD',
  'SELFCHECK',
  'END',
  'FILDES',
  'IDSESSION',
  'INSTREAM',
  'STATS',
  'DETSTATS',
  'DETSTATSCLEAR',
];
const SCANS = ['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'];
/** What was one in other releases, or never. */
const UNKNOWN = ['RAWSCAN /', 'STREAM', 'SESSION', 'FD 3', 'MULTISCANFILE /', 'SHUTDOWNX', 'QUI', 'SCA'];
/** A reload under way would be seen. */
const RELOADS: Partial<Script> = { alone: true };
/** Where nobody reloads, and both daemons have two threads, whatever this machine's cores are. */
const QUIET_DAEMON: Partial<Script> = { conf: 'twoThreads', alone: true };
const CIRCUMSTANCES: Readonly<Record<string, Partial<Script>>> = {
  RELOAD: RELOADS,
  SELFCHECK: QUIET_DAEMON,
  STATS: QUIET_DAEMON,
};

const SELFCHECK = 'SELFCHECK is HEAD’s, whose commands and options are ours (behaviour 0, 1.5)';
const LISTS_SELFCHECK = 'the list has SELFCHECK, as HEAD’s has (behaviour 0, 1.3)';
const WITH_SELFCHECK =
  'ClamAV 1.4.6| COMMANDS: SCAN QUIT RELOAD SELFCHECK PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN ' +
  'MULTISCAN FILDES STATS IDSESSION INSTREAM DETSTATSCLEAR DETSTATS ALLMATCHSCAN';
const DISABLES = 'the Enable*Command options came after 1.4.6; here they say no (behaviour 1.5)';

/** By the name of the script. */
const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'SELFCHECK in z': { received: 'DBUPTODATE\0', because: SELFCHECK },
  'SELFCHECK in n': { received: 'DBUPTODATE\n', because: SELFCHECK },
  'SELFCHECK in old': { received: 'DBUPTODATE\n', because: SELFCHECK },
  'VERSIONCOMMANDS in z': { received: `${WITH_SELFCHECK}\0`, because: LISTS_SELFCHECK },
  'VERSIONCOMMANDS in n': { received: `${WITH_SELFCHECK}\n`, because: LISTS_SELFCHECK },
  'VERSIONCOMMANDS in a session in z': { received: `1: ${WITH_SELFCHECK}\0`, because: LISTS_SELFCHECK },
  'VERSIONCOMMANDS in a session in n': { received: `1: ${WITH_SELFCHECK}\n`, because: LISTS_SELFCHECK },
  'VERSIONCOMMANDS where it is disabled': { received: `${WITH_SELFCHECK}\0`, because: LISTS_SELFCHECK },
  'SHUTDOWN where it is disabled': {
    received: 'COMMAND UNAVAILABLE\0',
    exitCode: 'running',
    because: DISABLES,
  },
  'QUIT where it is disabled': {
    received: 'COMMAND UNAVAILABLE\n',
    exitCode: 'running',
    because: DISABLES,
  },
  'RELOAD where it is disabled': { received: 'COMMAND UNAVAILABLE\0', because: DISABLES },
  'SELFCHECK where it is disabled': { received: 'COMMAND UNAVAILABLE\0', because: DISABLES },
  'VERSION where it is disabled': { received: 'COMMAND UNAVAILABLE\n', because: DISABLES },
  'STATS where it is disabled': { received: 'COMMAND UNAVAILABLE\0', because: DISABLES },
  'VERSION in a session where it is disabled': {
    received: '1: COMMAND UNAVAILABLE\n',
    ended: 'eof',
    because: DISABLES,
  },
  'STATS in a session where it is disabled': {
    received: '1: COMMAND UNAVAILABLE\0',
    ended: 'eof',
    because: DISABLES,
  },
};

function commandRow(name: string, bytes: string, options: Partial<Script> = {}): Script {
  return row(name, [bytes], { ...options, differs: DIFFERENCES[name] });
}

function outsideSessions(): Script[] {
  return FRAMES.flatMap(({ frame, before, after }) => [
    ...PLAIN.map((word) => commandRow(`${word} in ${frame}`, before + word + after, CIRCUMSTANCES[word])),
    ...PLAIN.map((word) => commandRow(`${word} with a space in ${frame}`, `${before}${word} ${after}`)),
    ...SCANS.flatMap((word) => [
      commandRow(`${word} clean in ${frame}`, `${before}${word} ${ROOT}/clean${after}`),
      commandRow(`${word} infected in ${frame}`, `${before}${word} ${ROOT}/eicar${after}`),
      commandRow(`${word} missing in ${frame}`, `${before}${word} ${ROOT}/missing${after}`),
      commandRow(`${word} without argument in ${frame}`, before + word + after),
      commandRow(`${word} with an empty argument in ${frame}`, `${before}${word} ${after}`),
      commandRow(`${word} with another separator in ${frame}`, `${before}${word}X${ROOT}/eicar${after}`),
    ]),
    ...UNKNOWN.map((word) => commandRow(`${word} in ${frame}`, before + word + after)),
    ...['SHUTDOWN', 'QUIT'].map((word) =>
      commandRow(`${word} with a space in ${frame}`, `${before}${word} ${after}`),
    ),
  ]);
}

function endingTheDaemon(): Script[] {
  return [
    commandRow('SHUTDOWN in z', 'zSHUTDOWN\0', { endsDaemon: true }),
    commandRow('QUIT in n', 'nQUIT\n', { endsDaemon: true }),
    commandRow('SHUTDOWN in old', 'SHUTDOWN', { endsDaemon: true }),
  ];
}

/** Every command as the first of a session. */
function insideSessions(): Script[] {
  return FRAMES.flatMap(({ frame, before, after }) => {
    const inSession = (word: string): Script => {
      const name = `${word} in a session in ${frame}`;
      return row(name, ['zIDSESSION\0', pause, `${before}${word}${after}`], {
        differs: DIFFERENCES[name],
        ...(word === 'STATS' ? QUIET_DAEMON : {}),
      });
    };
    const words = [
      ...PLAIN,
      ...SCANS.map((word) => `${word} ${ROOT}/eicar`),
      'SHUTDOWN',
      'QUIT',
      'BLAH',
      'SCAN',
    ];
    // In a session every old command gets the same answer.
    return (frame === 'old' ? ['PING', 'END', `SCAN ${ROOT}/eicar`, 'BLAH'] : words).map(inSession);
  });
}

const DISABLED = [
  ['SHUTDOWN', 'zSHUTDOWN\0'],
  ['QUIT', 'nQUIT\n'],
  ['RELOAD', 'zRELOAD\0'],
  ['SELFCHECK', 'zSELFCHECK\0'],
  ['VERSION', 'nVERSION\n'],
  ['VERSIONCOMMANDS', 'zVERSIONCOMMANDS\0'],
  ['STATS', 'zSTATS\0'],
  ['VERSION in a session', 'zIDSESSION\0nVERSION\nnPING\n'],
  ['STATS in a session', 'zIDSESSION\0zSTATS\0'],
] as const;

/** The commands of behaviour 1.3 and 1.5, one by one. */
export const COMMANDS: Topic = {
  name: 'commands',
  scripts: [
    ...outsideSessions(),
    ...endingTheDaemon(),
    ...insideSessions(),
    ...DISABLED.map(([word, bytes]) =>
      commandRow(`${word} where it is disabled`, bytes, {
        conf: 'disabled',
        alone: true,
        endsDaemon: word === 'SHUTDOWN' || word === 'QUIT',
      }),
    ),
  ],
};
