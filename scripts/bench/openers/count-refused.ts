/**
 * Child process: tries to open every listed file and prints how many were refused (EPERM).
 * The benchmark's main process never opens a watched file itself: a stuck contender would block it.
 * Usage: count-refused.js LIST
 */
import { closeSync, openSync } from 'node:fs';
import { readPathList } from './barrier.js';

const [, , listPath] = process.argv;
if (listPath === undefined) throw new Error('usage: count-refused.js LIST');
process.stdout.write(String(readPathList(listPath).filter(isRefused).length));

function isRefused(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return false;
  } catch (failure) {
    if (failure instanceof Error && 'code' in failure && failure.code === 'EPERM') return true;
    throw failure;
  }
}
