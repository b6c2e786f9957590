import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs';
import { openNative } from '@portcullis/shared/native';
import type { CanaryReport, CanaryRequest } from './canary-messages.js';
import { composeEicar } from './eicar.js';

/** Everybody may read it, whoever opens it. */
const CANARY_MODE = 0o644;

/** Writes a file and opens it again, as anybody would. Alone in its process, since either can be held up. */
function tryOut({ path, content, openAs }: CanaryRequest): CanaryReport {
  // Loaded before: what lies below the place cannot be opened any more once we are somebody else.
  const { leases } = openNative();
  try {
    const fd = openSync(path, 'wx', CANARY_MODE);
    writeSync(fd, content === 'eicar' ? composeEicar() : 'a canary of onacc-client doctor\n');
    fchmodSync(fd, CANARY_MODE);
    closeSync(fd);
  } catch (error) {
    return { kind: 'notWritten', code: codeOf(error) };
  }
  try {
    if (openAs !== undefined) become(openAs);
    const fd = openSync(path, 'r');
    const lease = openAs === undefined ? leases.probe(fd) : 'writer';
    closeSync(fd);
    return { kind: 'opened', lease };
  } catch (error) {
    return { kind: 'refused', code: codeOf(error) };
  }
}

function become(uid: number): void {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}

// The parent's own JSON: doctor/canary.ts, of the same version.
const request = JSON.parse(process.argv[2] ?? '') as CanaryRequest;
process.stdout.write(`${JSON.stringify(tryOut(request))}\n`);
