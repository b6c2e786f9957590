import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startClient, startDaemon } from '../pair/pair.js';
import { addReports, parseLoadReport } from './load-report.js';
import type { LoadReport } from './load-report.js';
import { growthOf, sampleProcess } from './sample-process.js';
import type { ProcessSample } from './sample-process.js';

const run = promisify(execFile);
const LOAD = resolve(import.meta.dirname, 'mixed-load.js');
const LOADS = 4;
const SAMPLE_EVERY_MS = 5_000;
/** New signatures every so many samples. */
const RELOAD_EVERY_SAMPLES = 6;
/** OnAccessCurlTimeout is 5 s; a load that waits longer for one operation was left alone. */
const SLOWEST_MAX_MS = 6_000;
const GROWTH_MAX = { descriptors: 32, residentBytes: 32 * 1024 ** 2, marks: 64 };

const usage = `usage: pnpm soak [--minutes N] [--dir DIR]   (as root)

Mixed load on a protected tree for N minutes (default 10): nothing may stay unanswered, nothing infected be let in, and
descriptors, memory and marks of the client must not grow. Exit 1 when one of these does not hold.`;

/** 0: all held; 1: something did not; 2: bad usage. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      dir: { type: 'string', default: '/var/tmp' },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (values.help || !(minutes > 0 && minutes <= 24 * 60)) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const directory = await mkdtemp(join(values.dir, 'portcullis-soak-'));
  await chmod(directory, 0o755);
  try {
    return await soak(directory, Math.round(minutes * 60));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function soak(directory: string, seconds: number): Promise<number> {
  const daemon = await startDaemon([directory], () => undefined);
  try {
    const client = await startClient(daemon, () => undefined);
    try {
      const samples: ProcessSample[] = [];
      const sampling = setInterval(() => {
        samples.push(sampleProcess(client.program.pid));
        if (samples.length % RELOAD_EVERY_SAMPLES === 0) reload(daemon.socketPath);
      }, SAMPLE_EVERY_MS);
      const reports = await Promise.all(
        Array.from({ length: LOADS }, (_, seed) => runLoad(directory, seconds, seed)),
      ).finally(() => {
        clearInterval(sampling);
      });
      return judge(addReports(reports), samples, seconds);
    } finally {
      await client.program.stop();
    }
  } finally {
    await daemon.stop();
  }
}

async function runLoad(directory: string, seconds: number, seed: number): Promise<LoadReport> {
  const { stdout } = await run(process.execPath, [LOAD, directory, String(seconds), String(seed + 1)], {
    timeout: (seconds + 60) * 1000,
    killSignal: 'SIGKILL',
  });
  return parseLoadReport(stdout);
}

function judge(total: LoadReport, samples: readonly ProcessSample[], seconds: number): number {
  console.log(`${seconds} s, ${LOADS} processes: ${JSON.stringify(total)}`);
  const grown = (['descriptors', 'residentBytes', 'marks'] as const).filter((what) => {
    const values = samples.map((sample) => sample[what]);
    const growth = growthOf(values);
    console.log(
      `${what}: ${values[0] ?? 0} at first, ${values.at(-1) ?? 0} at last, growth of the median ${growth}`,
    );
    return growth > GROWTH_MAX[what];
  });
  const wrong = [
    ...(total.admittedInfected > 0 ? ['infected files were let in'] : []),
    ...(total.refusedClean > 0 ? ['clean files were refused'] : []),
    ...(total.failed > 0 ? ['operations failed'] : []),
    ...(total.slowestMs > SLOWEST_MAX_MS ? ['an operation was left waiting'] : []),
    ...grown.map((what) => `${what} grew`),
  ];
  console.log(wrong.length === 0 ? 'all held' : `DID NOT HOLD: ${wrong.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

function reload(socketPath: string): void {
  const socket = createConnection(socketPath, () => socket.end('zRELOAD\0'));
  socket.on('error', () => undefined);
  socket.resume();
}

process.exitCode = await main();
