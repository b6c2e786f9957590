import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CanaryReport, CanaryRequest } from './canary-messages.js';

const PROGRAM = fileURLToPath(new URL('./canary-process.js', import.meta.url));
/** As long as an open may wait by default, and as much again. */
const CANARY_MAX_MS = 10_000;
const REPORT_MAX_CHARACTERS = 4_096;

/** `stuck`: it was ended because it did not come back. */
export type CanaryOutcome =
  CanaryReport | { readonly kind: 'stuck' } | { readonly kind: 'broken'; readonly reason: string };

/**
 * Writes a file into the directory and opens it in a process of its own. The file is gone afterwards, whatever came of it.
 *
 * @param openAs - uid of who opens it; undefined: whoever we are.
 */
export async function sendCanary(
  directory: string,
  content: CanaryRequest['content'],
  openAs: number | undefined,
): Promise<CanaryOutcome> {
  const path = `${directory}/.portcullis-canary-${randomBytes(8).toString('hex')}`;
  try {
    return await runCanary({ path, content, openAs });
  } finally {
    // unlink(2) opens nothing. One that was never made, or that an action has moved away, is gone already.
    await unlink(path).catch(() => undefined);
  }
}

function runCanary(request: CanaryRequest): Promise<CanaryOutcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--no-warnings', PROGRAM, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {},
      cwd: '/',
    });
    let text = '';
    const settle = (outcome: CanaryOutcome): void => {
      clearTimeout(timer);
      // One that the kernel holds on a dead server cannot even be killed: it is left behind, not waited for.
      child.unref();
      child.stdout.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      settle({ kind: 'stuck' });
    }, CANARY_MAX_MS);
    child.stdout.on('data', (bytes: Buffer) => {
      if (text.length < REPORT_MAX_CHARACTERS) text += bytes.toString('utf8');
    });
    child.on('error', (error) => {
      settle({ kind: 'broken', reason: error.message });
    });
    child.on('close', (code, signal) => {
      settle(
        readReport(text) ?? { kind: 'broken', reason: `it ended with ${signal ?? `exit code ${code ?? 0}`}` },
      );
    });
  });
}

function readReport(text: string): CanaryReport | undefined {
  try {
    return JSON.parse(text) as CanaryReport; // our own canary-process.js's
  } catch {
    return undefined;
  }
}
