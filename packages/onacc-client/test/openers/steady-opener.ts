import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Opens } from './opener.js';

/** Opens one file a thousand times a second until another one is there; tells how often it was let in. */
const STEADY_OPENER = `
const { closeSync, existsSync, openSync } = require('node:fs');
const [path, stopPath] = process.argv.slice(1);
const pause = new Int32Array(new SharedArrayBuffer(4));
let [opened, refused] = [0, 0];
while (!existsSync(stopPath)) {
  try {
    closeSync(openSync(path, 'r'));
    opened += 1;
  } catch {
    refused += 1;
  }
  Atomics.wait(pause, 0, 0, 1);
}
process.stdout.write(JSON.stringify({ opened, refused }));
`;

/**
 * Opens one file again and again in a process of its own.
 *
 * @param stopPath - a file that is not there yet
 * @returns what ends it and tells what it came to
 */
export function steadyOpener(path: string, stopPath: string): () => Promise<Opens> {
  const ended = new Promise<Opens>((resolve, reject) => {
    execFile(
      process.execPath,
      ['-e', STEADY_OPENER, path, stopPath],
      { timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error) reject(new Error(error.message));
        else resolve(JSON.parse(stdout) as Opens); // our own program's output
      },
    );
  });
  return () => {
    writeFileSync(stopPath, '');
    return ended;
  };
}
