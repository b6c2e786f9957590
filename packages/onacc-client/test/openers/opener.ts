import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OPEN_LOOP = fileURLToPath(new URL('./open-loop.js', import.meta.url));

export interface Opens {
  readonly opened: number;
  readonly refused: number;
}

/** Opens files in a process of its own. Rejects when that hangs for longer than `timeoutMs`. */
export async function openLoop(directory: string, count: number, timeoutMs = 60_000): Promise<Opens> {
  const { stdout } = await run(process.execPath, [OPEN_LOOP, directory, String(count)], {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout) as Opens; // our own program's output
}

/** What `cat PATH` comes to, as a user would see it. */
export async function cat(path: string): Promise<string> {
  try {
    const { stdout } = await run('cat', [path], { timeout: 20_000, killSignal: 'SIGKILL' });
    return stdout;
  } catch (error) {
    return error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  }
}
