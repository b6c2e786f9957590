import { spawn } from 'node:child_process';

/** `nobody` on Debian: neither root nor anybody who is exempt. */
export const NOBODY = 65534;

/**
 * Reads a file as another user with cat(1), outside this process.
 *
 * @returns its content, or what cat said on standard error
 */
export function catAs(uid: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('cat', [path], { uid, gid: uid, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.on('error', reject);
    child.on('close', () => {
      resolve(text);
    });
  });
}
