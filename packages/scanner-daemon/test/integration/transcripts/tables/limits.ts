import { chunk, hear, LAST_CHUNK, ROOT, row, withFds } from '../script.js';
import type { Script, Topic } from '../script.js';

const SCANS = ['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'] as const;
const S = 'zIDSESSION\0';
/** The clocks tick in seconds and run out when strictly past (behaviour 1.9). */
const QUIET_MS = 4500;

const COMMAND_TIMEOUT: Partial<Script> = { conf: 'commandTimeout', quietMs: QUIET_MS };
const READ_TIMEOUT: Partial<Script> = { conf: 'readTimeout', quietMs: QUIET_MS };

const TIMEOUTS: readonly Script[] = [
  row('CommandReadTimeout: nothing', [], COMMAND_TIMEOUT),
  row('CommandReadTimeout: nothing over TCP', [], { ...COMMAND_TIMEOUT, over: 'tcp' }),
  row('CommandReadTimeout: half a z command', ['zPI'], COMMAND_TIMEOUT),
  row('CommandReadTimeout: half an n command', ['nPI'], COMMAND_TIMEOUT),
  row('CommandReadTimeout: a session is beyond it', [`${S}zPING\0`], COMMAND_TIMEOUT),
  row('CommandReadTimeout: an upload is beyond it', ['zINSTREAM\0'], COMMAND_TIMEOUT),
  row('CommandReadTimeout: FILDES without its byte', ['zFILDES\0'], COMMAND_TIMEOUT),
  row('CommandReadTimeout: FILDES without its byte in a session', [`${S}zFILDES\0`], COMMAND_TIMEOUT),
  row('ReadTimeout: an idle session', [S], READ_TIMEOUT),
  row('ReadTimeout: a session after a command', [`${S}zPING\0`], READ_TIMEOUT),
  row('ReadTimeout: a session after a scan', [`nIDSESSION\nnSCAN ${ROOT}/eicar\n`], READ_TIMEOUT),
  row('ReadTimeout: an upload', [`zINSTREAM\0${chunk('hello')}`], READ_TIMEOUT),
  row('ReadTimeout: an upload in a session', [`${S}nPING\nnINSTREAM\n${chunk('hello')}`], READ_TIMEOUT),
  row('ReadTimeout: FILDES without its byte', ['zFILDES\0'], READ_TIMEOUT),
  row('ReadTimeout: FILDES without its byte in a session', [`${S}zPING\0nFILDES\n`], READ_TIMEOUT),
  row('ReadTimeout: half a command in a session', [`${S}zPI`], READ_TIMEOUT),
];

/** MaxThreads 1: no thread is left to control a MULTISCAN (behaviour 1.9). */
const ONE_THREAD: readonly Script[] = [
  ['a clean file', `zMULTISCAN ${ROOT}/clean\0`],
  ['an infected file', `zMULTISCAN ${ROOT}/eicar\0`],
  ['a missing file', `zMULTISCAN ${ROOT}/missing\0`],
  ['a FIFO', `zMULTISCAN ${ROOT}/fifo\0`],
  ['a directory', `zMULTISCAN ${ROOT}/mixed\0`],
  ['a directory in n', `nMULTISCAN ${ROOT}/mixed\n`],
  ['a directory in old style', `MULTISCAN ${ROOT}/mixed\n`],
  ['an empty directory', `zMULTISCAN ${ROOT}/bare\0`],
  ['a directory with slashes', `zMULTISCAN //${ROOT}/mixed//\0`],
].map(([title = '', bytes = '']) =>
  row(`MaxThreads 1: MULTISCAN of ${title}`, [bytes], { conf: 'tight', alone: true }),
);

const ALL_MATCH: readonly Script[] = [
  ['of an infected file in z', `zALLMATCHSCAN ${ROOT}/both\0`],
  ['of an infected file in n', `nALLMATCHSCAN ${ROOT}/both\n`],
  ['of a missing file', `zALLMATCHSCAN ${ROOT}/missing\0`],
  ['of a directory', `zALLMATCHSCAN ${ROOT}/mixed/\0`],
  ['in old style', `ALLMATCHSCAN ${ROOT}/both\n`],
  ['in a session', `${S}zALLMATCHSCAN ${ROOT}/both\0`],
  ['with slashes', `zALLMATCHSCAN //${ROOT}/both\0`],
  ['with an empty argument', 'zALLMATCHSCAN \0'],
  ['without argument', 'zALLMATCHSCAN\0'],
].map(([title = '', bytes = '']) =>
  row(`AllowAllMatchScan no: ALLMATCHSCAN ${title}`, [bytes], { conf: 'tight' }),
);

/** A file or a scan beyond its limit, and with AlertExceedsMax. */
function sizes(): Script[] {
  return (['smallFiles', 'smallFilesAlert', 'smallScan', 'smallScanAlert'] as const).flatMap((conf) => [
    ...SCANS.map((command) => row(`${conf}: ${command}`, [`z${command} ${ROOT}/kilobytes\0`], { conf })),
    row(`${conf}: SCAN of a small file`, [`zSCAN ${ROOT}/clean\0`], { conf }),
    row(`${conf}: SCAN of an infected small file`, [`zSCAN ${ROOT}/eicar\0`], { conf }),
    row(`${conf}: SCAN of an infected large file`, [`zSCAN ${ROOT}/kilobytes-bad\0`], { conf }),
    row(`${conf}: ALLMATCHSCAN of an infected large file`, [`zALLMATCHSCAN ${ROOT}/kilobytes-bad\0`], {
      conf,
    }),
    row(`${conf}: INSTREAM`, [`nINSTREAM\n${chunk('k'.repeat(3000))}${LAST_CHUNK}`], { conf }),
    row(`${conf}: INSTREAM of a small file`, [`nINSTREAM\n${chunk('k'.repeat(1000))}${LAST_CHUNK}`], {
      conf,
    }),
    row(`${conf}: FILDES`, [withFds('zFILDES\0x', 'clean')], { conf }),
    row(`${conf}: in a session`, [`${S}zSCAN ${ROOT}/kilobytes\0`, hear('kilobytes: '), 'zPING\0zEND\0'], {
      conf,
    }),
  ]);
}

/** Bounds of clamd.conf, and what happens at them (behaviour 1.9). */
export const LIMITS: Topic = {
  name: 'limits',
  scripts: [...TIMEOUTS, ...ONE_THREAD, ...ALL_MATCH, ...sizes()],
};
