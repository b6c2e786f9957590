import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { openNative } from '../../src/native/open-native.js';
import { fanotifyContract } from '../../src/testing/fanotify-contract.js';
import type { FanotifyUnderTest } from '../../src/testing/fanotify-contract.js';
import { describeIfFanotify } from '../../src/testing/root-only.js';
import { makeTempDir } from '../../src/testing/temp-dir.js';

const OPENER_TIMEOUT_MS = 5_000;

describeIfFanotify('the kernel', () => {
  fanotifyContract('openNative', createReal);
});

/** Only its own directory is ever marked, and only child processes open in it while it is. */
function createReal(): FanotifyUnderTest {
  const directory = makeTempDir('fan-');
  const openers = new Set<Promise<unknown>>();
  return {
    native: openNative(),
    directory: directory.path,
    writeFile: (path, content) => {
      writeFileSync(path, content);
    },
    open(path, { write = false } = {}) {
      const opener = openInChild(path, write);
      openers.add(opener);
      return opener;
    },
    async dispose() {
      await Promise.allSettled(openers);
      directory.remove();
    },
  };
}

/** A shell opens and closes the file itself: it starts no program and opens nothing else there. */
function openInChild(path: string, write: boolean): Promise<'allowed' | 'EPERM'> {
  const script = write ? ': 3>>"$1"' : ': 3<"$1"';
  const options = {
    timeout: OPENER_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { LC_ALL: 'C' },
    cwd: '/',
  } as const;
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', script, 'opener', path], options, (error, _stdout, stderr) => {
      if (error === null) resolve('allowed');
      else if (stderr.includes('Operation not permitted')) resolve('EPERM');
      else reject(new Error(`the opener failed: ${stderr}`, { cause: error }));
    });
  });
}
