import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { startDebianClamd, type DebianClamd } from '../clients/debian-clamd.js';
import { ask, instream, type DaemonProcess, type Site } from '../daemon-process.js';
import { createEngineSite, fildes, startWithLibclamav, TESTFILES, whyNoLibclamav } from './engine-site.js';

type Target = string | number;
/** One way to have the testfiles scanned. @returns a line for each answer. */
type Mode = (target: { readonly socketPath: string; readonly tcpPort: number }) => Promise<readonly string[]>;

const files = (): string[] => readdirSync(TESTFILES).map((name) => join(TESTFILES, name));

function lines(reply: string): string[] {
  return reply.split('\0').slice(0, -1).sort();
}

/** For each file in turn. */
async function each(question: (path: string) => Promise<string>): Promise<string[]> {
  const replies: string[] = [];
  for (const path of files()) replies.push(`${path}: ${await question(path)}`);
  return replies;
}

const uploadTo = (target: Target) => (path: string) => ask(target, instream(readFileSync(path)));

const MODES: Readonly<Record<string, Mode>> = {
  'SCAN of each file': ({ socketPath }) => each((path) => ask(socketPath, `zSCAN ${path}\0`)),
  'SCAN of each file over TCP': ({ tcpPort }) => each((path) => ask(tcpPort, `zSCAN ${path}\0`)),
  'CONTSCAN of the directory': async ({ socketPath }) =>
    lines(await ask(socketPath, `zCONTSCAN ${TESTFILES}\0`)),
  'CONTSCAN of the directory over TCP': async ({ tcpPort }) =>
    lines(await ask(tcpPort, `zCONTSCAN ${TESTFILES}\0`)),
  'MULTISCAN of the directory': async ({ socketPath }) =>
    lines(await ask(socketPath, `zMULTISCAN ${TESTFILES}\0`)),
  'ALLMATCHSCAN of each file': ({ socketPath }) => each((path) => ask(socketPath, `zALLMATCHSCAN ${path}\0`)),
  FILDES: ({ socketPath }) => each((path) => fildes(socketPath, path)),
  'INSTREAM over the Unix socket': ({ socketPath }) => each(uploadTo(socketPath)),
  'INSTREAM over TCP': ({ tcpPort }) => each(uploadTo(tcpPort)),
};
const FEW = [
  'SCAN of each file',
  'CONTSCAN of the directory',
  'ALLMATCHSCAN of each file',
  'FILDES',
  'INSTREAM over TCP',
];

describeOrSkip('the testfiles of ClamAV, as our daemon and clamd judge them', whyNoLibclamav, () => {
  let site: Site;
  let clamd: DebianClamd;
  let daemon: DaemonProcess | undefined;
  const expected = new Map<string, readonly string[]>();

  beforeAll(async () => {
    site = await createEngineSite();
    clamd = await startDebianClamd(site);
    for (const [name, mode] of Object.entries(MODES)) expected.set(name, await mode(clamd));
    await clamd.stop();
  }, 60_000);
  afterAll(async () => {
    await daemon?.stop();
    site.remove();
  });

  const judges = async (names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const judged = await MODES[name]?.(site);
      expect({ [name]: judged }).toEqual({ [name]: expected.get(name) });
      expect(judged?.filter((line) => line.includes('FOUND'))).toHaveLength(files().length);
      expect(files().length).toBeGreaterThanOrEqual(40);
    }
  };
  const withDaemon = async (env: Record<string, string>, act: () => Promise<void>): Promise<void> => {
    daemon = await startWithLibclamav(site, env);
    await act();
    expect((await daemon.stop()).code).toBe(0);
  };

  test('clamd names several signatures where all matches are asked for', () => {
    expect(expected.get('ALLMATCHSCAN of each file')?.some((reply) => reply.split('FOUND').length > 3)).toBe(
      true,
    );
  });

  test('in every mode alike', async () => {
    await withDaemon({}, () => judges(Object.keys(MODES)));
  }, 60_000);

  test('uploads that lie in a spool file too', async () => {
    await withDaemon({ SCANNER_SPOOL_MEMORY_BYTES: '0' }, () =>
      judges(['INSTREAM over the Unix socket', 'INSTREAM over TCP']),
    );
  }, 60_000);

  test('without a process of its own too', async () => {
    await withDaemon({ SCANNER_ISOLATION: 'no' }, () => judges(FEW));
  }, 60_000);
});
