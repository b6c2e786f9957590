import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { FileApi } from '../native/index.js';
import { READY_FD, READY_FD_VARIABLE } from './launch.js';

/** What a program knows that was started by `launchInBackground`: somebody waits, at a terminal perhaps. */
export interface Launched {
  /**
   * Leaves the terminal and lets the launcher go: standard input, output and error become /dev/null, the working
   * directory, if wanted, `/` (behaviour 2.4). Call it once, when nothing that could fail is left to do.
   */
  becomeReady(files: Pick<FileApi, 'duplicateOnto'>, options: { readonly changeDirectory: boolean }): void;
}

/**
 * Finds out whether this process was launched into the background, and takes the word for it out of the environment, so that
 * nothing we start takes itself for one.
 *
 * @param env `process.env`, from main.
 */
export function takeLaunched(env: Record<string, string | undefined>): Launched | undefined {
  const isNamed = env[READY_FD_VARIABLE] === String(READY_FD);
  Reflect.deleteProperty(env, READY_FD_VARIABLE);
  if (!isNamed || !isPipe(READY_FD)) return undefined;
  return {
    becomeReady(files, { changeDirectory }) {
      if (changeDirectory) process.chdir('/');
      detachStdio(files);
      try {
        writeSync(READY_FD, 'ready\n');
      } catch {
        // The launcher is gone, killed perhaps; the program is wanted all the same.
      }
      closeSync(READY_FD);
    },
  };
}

/**
 * Standard input, output and error become /dev/null. Besides the way to the background this is for the last moment in a
 * terminal: one that was closed meanwhile makes Node 20 abort at its exit, when it wants to set it back.
 */
export function detachStdio(files: Pick<FileApi, 'duplicateOnto'>): void {
  const nowhere = openSync('/dev/null', constants.O_RDWR);
  for (const fd of [0, 1, 2]) files.duplicateOnto(nowhere, fd);
  closeSync(nowhere);
}

/** Whether the descriptor is one that a parent process made for us; node:child_process makes its pipes of socket pairs. */
export function isPipe(fd: number): boolean {
  try {
    // Plain numbers would stay in Node's one record of the last status, and its realpath(3), that of module loading
    // too, stops short when it finds a socket there (seen with Node 20).
    const status = fstatSync(fd, { bigint: true });
    return status.isSocket() || status.isFIFO();
  } catch {
    return false;
  }
}
