import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startClient, startDaemon } from './pair.js';
import type { LogLine } from '@portcullis/shared/programs';
import { messageOf } from '@portcullis/shared';

const DEMO_PREFIX = 'portcullis-demo-';
/** The daemon answered, but the kernel could not be asked: not what the demonstration is about. */
const EXIT_NOT_PROTECTED = 3;
const SCAN_MAX_MS = 10_000;

/** The test file that every scanner knows, composed here so that it is never stored. */
export function eicar(): string {
  return ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!', '$H+H*'].join('');
}

/** @returns the exit code: 0 only if the clean file opened and the infected one was refused by the kernel */
export async function demonstrate(
  say: (line: string) => void,
  onLine: (name: string, line: LogLine) => void,
): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), DEMO_PREFIX));
  const daemon = await startDaemon([directory], onLine);
  try {
    let client;
    try {
      client = await startClient(daemon, onLine);
    } catch (error) {
      return await demonstrateWithoutKernel({
        directory,
        socketPath: daemon.socketPath,
        missing: error,
        say,
      });
    }
    say(`protected: ${client.protecting.msg}`);
    const files = await writeFiles(directory);
    const clean = await tryToOpen(files.clean);
    const infected = await tryToOpen(files.infected);
    say(`opening ${files.clean}: ${clean}`);
    say(
      `opening ${files.infected}: ${infected === 'EPERM' ? 'refused by the kernel (Operation not permitted)' : infected}`,
    );
    await client.program.stop();
    const works = clean === 'opened' && infected === 'EPERM';
    say(works ? 'the pair works on this machine' : 'the pair does NOT work on this machine');
    return works ? 0 : 1;
  } finally {
    await daemon.stop();
    if (basename(directory).startsWith(DEMO_PREFIX)) await rm(directory, { recursive: true, force: true });
  }
}

async function demonstrateWithoutKernel(what: {
  directory: string;
  socketPath: string;
  missing: unknown;
  say: (line: string) => void;
}): Promise<number> {
  const { directory, socketPath, say } = what;
  say(`the kernel cannot be asked here: ${messageOf(what.missing).replace(/^ERROR: /, '')}`);
  say('scanning the two files through the daemon instead:');
  const files = await writeFiles(directory);
  for (const path of [files.clean, files.infected]) say(await scan(socketPath, path));
  say('nothing was protected: run it as root, on a kernel with fanotify, to see an open refused');
  return EXIT_NOT_PROTECTED;
}

async function writeFiles(directory: string): Promise<{ clean: string; infected: string }> {
  const files = { clean: join(directory, 'clean.txt'), infected: join(directory, 'eicar.com') };
  await writeFile(files.clean, 'nothing to see here\n');
  await writeFile(files.infected, eicar());
  return files;
}

async function tryToOpen(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    await file.close();
    return 'opened';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

/** SCAN over the daemon's socket (clamd protocol). */
function scan(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => socket.write(`zSCAN ${path}\0`));
    let reply = '';
    socket.setTimeout(SCAN_MAX_MS, () => socket.destroy(new Error('the daemon did not answer')));
    socket.on('data', (bytes) => (reply += bytes.toString()));
    socket.on('end', () => {
      resolve(reply.replaceAll('\0', ''));
    });
    socket.on('error', reject);
  });
}
