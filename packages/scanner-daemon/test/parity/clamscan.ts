import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The names that clamscan found, by the path it was given; what it found nothing in is not in it. */
export type FoundNames = ReadonlyMap<string, ReadonlySet<string>>;

const LINE = /^(.*): (.+) FOUND$/;
const MINUTES_MAX = 60;

/**
 * Asks clamscan about a directory or the paths of a list, for every match.
 *
 * @throws Error where it does not scan: a database it refuses, time out
 */
export async function clamscanAll(
  database: string,
  what: { readonly directory: string } | { readonly listFile: string },
): Promise<FoundNames> {
  const target = 'directory' in what ? ['-r', what.directory] : [`--file-list=${what.listFile}`];
  const child = spawn(
    'clamscan',
    ['-d', database, '--allmatch', '--no-summary', '-i', '--bytecode=no', ...target],
    { stdio: ['ignore', 'pipe', 'pipe'], timeout: MINUTES_MAX * 60_000 },
  );
  const found = new Map<string, Set<string>>();
  let errors = '';
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout.setEncoding('latin1') })) {
    const [, path, name] = LINE.exec(line) ?? [];
    if (path === undefined || name === undefined) continue;
    const names = found.get(path) ?? new Set();
    found.set(path, names.add(name));
  }
  await closed;
  const code = child.exitCode;
  if (code !== 0 && code !== 1) throw new Error(`clamscan ended with ${String(code)}: ${errors}`);
  return found;
}
