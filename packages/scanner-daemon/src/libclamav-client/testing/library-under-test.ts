import { spawnSync } from 'node:child_process';

const BINDING = new URL('../../engine/libclamav/binding.js', import.meta.url).href;
const RUN_MAX_MS = 120_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;

/**
 * For tests: runs statements on `binding` (the module) in a process of their own, where nobody has used koffi before, and
 * gives what they hand to `tell`, one value a call. @throws Error when the process ends in any other way.
 */
export function runWithBinding(statements: string): unknown[] {
  const script = `
    const binding = await import(${JSON.stringify(BINDING)});
    const tell = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
    ${statements}`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
      timeout: RUN_MAX_MS,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES_MAX,
    },
  );
  if (status !== 0) throw new Error(`ended with ${signal ?? String(status)}: ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/** For tests: why there is no libclamav here, undefined when there is one. */
export function whyNoLibrary(): string | undefined {
  try {
    runWithBinding('binding.openLibclamav(undefined);');
    return undefined;
  } catch (error) {
    return /LibraryError: (.*)/.exec(String(error))?.[1] ?? String(error);
  }
}
