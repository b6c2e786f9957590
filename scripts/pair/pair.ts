import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgram } from '@portcullis/shared/programs';
import type { ChildProgram, LogLine } from '@portcullis/shared/programs';

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));
const DAEMON = { name: 'scanner-daemon', file: `${packages}scanner-daemon/bin/scanner-daemon.cjs` };
const CLIENT = { name: 'onacc-client', file: `${packages}onacc-client/bin/onacc-client.js` };
const STATE_PREFIX = 'portcullis-';

/** A running daemon, and what belongs to it. */
export interface RunningDaemon {
  readonly program: ChildProgram;
  readonly socketPath: string;
  readonly configPath: string;
  /** Ends the daemon and removes its directory. */
  stop(): Promise<void>;
}

/**
 * Starts the daemon on a socket of its own, with the bundled test signatures in the built-in engine; SCANNER_ENGINE in our own
 * environment names another. Resolves when it answers.
 */
export async function startDaemon(
  protectedDirectories: readonly string[],
  onLine: (name: string, line: LogLine) => void,
): Promise<RunningDaemon> {
  const stateDirectory = await mkdtemp(join(tmpdir(), STATE_PREFIX));
  const user = invokingUser();
  await chmod(stateDirectory, user === undefined ? 0o755 : 0o777);
  const socketPath = join(stateDirectory, 'clamd.sock');
  const configPath = join(stateDirectory, 'clamd.conf');
  await writeFile(configPath, clamdConf(socketPath, stateDirectory, protectedDirectories));
  const program = startProgram({
    ...DAEMON,
    args: ['--foreground', '--config-file', configPath],
    env: { SCANNER_ENGINE: 'builtin', ...process.env },
    user,
    onLine,
  });
  const stop = async (): Promise<void> => {
    await program.stop();
    if (basename(stateDirectory).startsWith(STATE_PREFIX))
      await rm(stateDirectory, { recursive: true, force: true });
  };
  try {
    await program.said('listening');
  } catch (error) {
    await stop();
    throw error;
  }
  return { program, socketPath, configPath, stop };
}

/** Starts the client on the daemon's configuration. Resolves when the directories are protected. */
export async function startClient(
  daemon: RunningDaemon,
  onLine: (name: string, line: LogLine) => void,
): Promise<{ program: ChildProgram; protecting: LogLine }> {
  const program = startProgram({
    ...CLIENT,
    args: ['--foreground', '--config-file', daemon.configPath],
    env: { ...process.env, ONACC_CONTROL_SOCKET: join(dirname(daemon.configPath), 'onacc-client.sock') },
    onLine,
  });
  return { program, protecting: await program.said('protecting') };
}

/** The daemon needs no privilege: under sudo it runs as whoever called sudo. */
function invokingUser(): { uid: number; gid: number } | undefined {
  const uid = Number(process.env['SUDO_UID'] ?? 0);
  const gid = Number(process.env['SUDO_GID'] ?? 0);
  return process.getuid?.() === 0 && uid > 0 && gid > 0 ? { uid, gid } : undefined;
}

/** @throws Error for a directory whose name clamd.conf cannot hold (behaviour 3.1: no `#`, no line break) */
function clamdConf(socketPath: string, stateDirectory: string, directories: readonly string[]): string {
  for (const directory of directories) {
    if (/[#"\n]/.test(directory))
      throw new Error(`clamd.conf cannot hold this name: ${JSON.stringify(directory)}`);
  }
  return [
    `LocalSocket ${socketPath}`,
    `TemporaryDirectory ${stateDirectory}`,
    `DatabaseDirectory ${packages}scanner-daemon/signatures`,
    ...directories.map((directory) => `OnAccessIncludePath "${directory}"`),
    'OnAccessPrevention yes',
    '',
  ].join('\n');
}
