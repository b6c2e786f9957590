import { mkdir, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { demonstrate } from './demo.js';
import { startClient, startDaemon } from './pair.js';
import type { LogLine } from '@portcullis/shared/programs';
import { messageOf } from '@portcullis/shared';

const USAGE = `Usage: sudo ./scripts/run [DIR…]     protect directories until Ctrl-C (default: ./guarded)
       sudo ./scripts/run --demo     show on a temporary directory that it works`;

process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    say(USAGE);
    return 0;
  }
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--demo');
  if (unknown !== undefined || (args.includes('--demo') && args.length > 1)) {
    say(
      `${unknown ?? '--demo'}: ${unknown === undefined ? 'takes no directories' : 'unknown option'}\n${USAGE}`,
    );
    return 2;
  }
  try {
    return args.includes('--demo') ? await demonstrate(say, showTrouble) : await protect(args);
  } catch (error) {
    say(`failed: ${messageOf(error)}`);
    return 1;
  }
}

async function protect(args: readonly string[]): Promise<number> {
  const stopped = firstSignal();
  const directories = await prepareDirectories(args);
  const daemon = await startDaemon(directories, showLine);
  try {
    const client = await startClient(daemon, showLine);
    say(`protected: ${client.protecting.msg}`);
    say(
      `try it:    write something to ${directories[0] ?? ''} and open it; an infected file answers "Operation not permitted"`,
    );
    say('Ctrl-C stops both programs.');
    const ended = await Promise.race([
      stopped.then(() => 0),
      daemon.program.ended.then(() => 1),
      client.program.ended.then(() => 1),
    ]);
    if (ended !== 0) say('one of the two programs has ended: stopping the other');
    await client.program.stop();
    return ended;
  } finally {
    await daemon.stop();
  }
}

async function prepareDirectories(args: readonly string[]): Promise<string[]> {
  if (args.length === 0) await mkdir('guarded', { recursive: true });
  const directories: string[] = [];
  for (const arg of args.length === 0 ? ['guarded'] : args) {
    const path = await realpath(resolve(arg)).catch(() => resolve(arg));
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) throw new Error(`${path} is not a directory`);
    directories.push(path);
  }
  return directories;
}

function firstSignal(): Promise<void> {
  return new Promise((resolvePromise) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolvePromise();
      });
    }
  });
}

function showLine(name: string, line: LogLine): void {
  console.log(`${name.padEnd(14)} ${line.level.padEnd(5)} ${line.msg}`);
}

/** In the demonstration only what went wrong is worth a line. */
function showTrouble(name: string, line: LogLine): void {
  if (line.level === 'error' || line.level === 'fatal') showLine(name, line);
}

function say(line: string): void {
  console.log(line);
}
