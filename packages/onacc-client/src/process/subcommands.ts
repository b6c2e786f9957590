import { addEnvironmentFile, messageOf, resolveEnv } from '@portcullis/shared';
import type { Environment } from '@portcullis/shared';
import { parse as parseDotenv } from 'dotenv';
import type { Subcommand } from '../command-line.js';
import type { DoctorFlags, DoctorReading } from '../control/doctor-command.js';
import type { Streams } from '../logging/voice.js';
import { ConfigurationError, readConfiguration } from '../read-configuration.js';
import { ENV_PREFIX, SETTINGS } from '../settings.js';

/** What a subcommand is lent. `env`: `process.env`, from main. */
export interface SubcommandIo extends Streams {
  readonly env: Environment;
}

type Command = (args: readonly string[], io: SubcommandIo) => Promise<number>;

/** Each is loaded when it is called for: none has a use for what the others load. */
const COMMANDS: Readonly<Record<Subcommand, Command>> = {
  status: async (args, { env, ...streams }) => {
    const { runStatus } = await import('../control/status-command.js');
    return await runStatus(args, { ...streams, controlSocket: readControlSocket(env) });
  },
  doctor: async (args, { env, ...streams }) => {
    const { runDoctor } = await import('../control/doctor-command.js');
    return await runDoctor(args, {
      ...streams,
      controlSocket: readControlSocket(env),
      readConfiguration: (flags) => readForDoctor(flags, env),
    });
  },
  quarantine: async (args, { stdout, stderr }) => {
    const { openNative } = await import('@portcullis/shared/native');
    const { runQuarantine } = await import('../actions/quarantine-command.js');
    return await runQuarantine(args, {
      write: stdout,
      writeError: stderr,
      files: openNative().files,
      nowMs: () => Date.now(),
    });
  },
};

/**
 * `onacc-client status`, `doctor`, `quarantine`.
 *
 * @param args - behind the word.
 * @returns the exit code
 */
export async function runSubcommand(
  name: Subcommand,
  args: readonly string[],
  io: SubcommandIo,
): Promise<number> {
  return await COMMANDS[name](args, io);
}

/** ONACC_CONTROL_SOCKET as it holds, defaults included; undefined where the variables cannot be read. */
function readControlSocket(env: Environment): string | undefined {
  const file = addEnvironmentFile(env, {
    path: undefined,
    prefix: ENV_PREFIX,
    parse: parseDotenv,
    isRoot: process.geteuid?.() === 0,
  });
  const resolved = resolveEnv(SETTINGS, file.env, ENV_PREFIX);
  return resolved.kind === 'refused' ? undefined : resolved.values.controlSocket;
}

async function readForDoctor(flags: DoctorFlags, env: Environment): Promise<DoctorReading> {
  try {
    return { kind: 'read', ...(await readConfiguration(flags, env)) };
  } catch (error) {
    const lines = error instanceof ConfigurationError ? error.allLines : [`ERROR: ${messageOf(error)}`];
    return { kind: 'refused', lines };
  }
}
