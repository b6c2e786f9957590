import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a program said and how it ended. */
export interface Run {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const RUN_MAX_MS = 60_000;

/**
 * Runs a program to its end, of which it gets a minute.
 *
 * @param options.stdin text, or a descriptor (borrowed); nothing when absent
 */
export function runProgram(
  command: readonly [string, ...string[]],
  options: { stdin?: string | Buffer | number; cwd?: string } = {},
): Promise<Run> {
  const { stdin, cwd } = options;
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: [typeof stdin === 'number' ? stdin : 'pipe', 'pipe', 'pipe'],
      timeout: RUN_MAX_MS,
      killSignal: 'SIGKILL',
      ...(cwd === undefined ? {} : { cwd }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString('latin1'),
        stderr: Buffer.concat(stderr).toString('latin1'),
      });
    });
    // A program that does not read its input is no failure of ours.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(typeof stdin === 'number' ? undefined : stdin);
  });
}

/** Why these programs cannot be run, undefined when all are there. Absolute paths, or names looked up in PATH. */
export function whyMissing(...programs: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  const missing = programs.filter(
    (program) =>
      !(program.startsWith('/')
        ? existsSync(program)
        : directories.some((directory) => existsSync(join(directory, program)))),
  );
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}
