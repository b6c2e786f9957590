import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One JSON log line, as far as it matters to whoever started the program. */
export interface LogLine {
  readonly level: string;
  readonly event?: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** One of our programs as a child of this one. */
export interface ChildProgram {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the line that says `event`; rejects with what the program printed when it ends before. */
  said(event: string): Promise<LogLine>;
  /** Every line so far, the last thousand. */
  readonly lines: readonly LogLine[];
  readonly ended: Promise<number>;
  /** SIGTERM, and SIGKILL when that does not help. */
  stop(): Promise<void>;
}

const STOP_MAX_MS = 6_000;

export interface StartOptions {
  /** What it is called in messages. */
  readonly name: string;
  /** The JavaScript file to run. */
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment; without it, that of whoever runs this. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Who it runs as; undefined: as whoever runs this. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly onLine?: (name: string, line: LogLine) => void;
  /** A command that becomes the program, with its arguments: `prlimit`, `setpriv` and the like. */
  readonly through?: readonly [string, ...string[]];
}

/** Starts a program of ours and reads its log: one JSON object a line on standard output. */
export function startProgram(options: StartOptions): ChildProgram {
  const program = [process.execPath, '--no-warnings', options.file, ...options.args] as const;
  const [command, ...args] = [...(options.through ?? []), ...program];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...options.user,
  });
  const heard: LogLine[] = [];
  const complaints: string[] = [];
  const waiting: { event: string; resolve: (line: LogLine) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parseLine(text);
    heard.push(line);
    if (heard.length > 1_000) heard.shift();
    options.onLine?.(options.name, line);
    for (const one of waiting) if (one.event === line.event) one.resolve(line);
  });
  createInterface({ input: child.stderr }).on('line', (text) => complaints.push(text));
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => {
      resolve(127);
    });
    child.on('close', (code, signal) => {
      const reason = complaints.join('\n') || `${options.name} ended (${signal ?? `exit code ${code ?? 0}`})`;
      for (const one of waiting) one.reject(new Error(reason));
      resolve(code ?? 128);
    });
  });
  return {
    name: options.name,
    pid: child.pid ?? 0,
    lines: heard,
    ended,
    said: async (event) => {
      const already = heard.find((line) => line.event === event);
      if (already !== undefined) return already;
      if (child.exitCode !== null) throw new Error(complaints.join('\n') || `${options.name} has ended`);
      return new Promise((resolve, reject) => waiting.push({ event, resolve, reject }));
    },
    stop: () => stop(child, ended),
  };
}

async function stop(child: ChildProcess, ended: Promise<number>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
  await ended;
  clearTimeout(force);
}

function parseLine(text: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'msg' in parsed) return parsed as LogLine; // our own logger's
  } catch {
    // Not a log line: shown as it is.
  }
  return { level: 'info', msg: text };
}
