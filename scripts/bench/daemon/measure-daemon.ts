import { setTimeout as sleep } from 'node:timers/promises';
import type { Sample } from '../scenarios/scenario.js';
import { percentile } from '../statistics.js';
import { reloadRepeatedly, verifyDetection } from './ask-daemon.js';
import { largeBytes, loadCells, smallBytes } from './daemon-cells.js';
import type { LoadCell } from './daemon-cells.js';
import type { ClientGroup, LoadPlan, LoadReport, PingReport } from './load-plan.js';
import { probePing, startLoad } from './run-load.js';
import type { LoadSite } from './run-load.js';
import type { RunningDaemon } from './running-daemon.js';

/** How long each part takes. */
export interface DaemonTimes {
  /** 16 clients, before anything counts: for the daemon's just-in-time compiler. */
  readonly daemonWarmUpMs: number;
  readonly generatorWarmUpMs: number;
  readonly smallMs: number;
  readonly largeMs: number;
  readonly pingMs: number;
}

export const fullTimes: DaemonTimes = {
  daemonWarmUpMs: 2000,
  generatorWarmUpMs: 300,
  smallMs: 1200,
  largeMs: 2000,
  pingMs: 4000,
};
export const quickTimes: DaemonTimes = {
  daemonWarmUpMs: 300,
  generatorWarmUpMs: 100,
  smallMs: 300,
  largeMs: 500,
  pingMs: 2000,
};

const pingIntervalMs = 5;
/** Shorter than a load of the database takes, so that one is nearly always under way. */
const reloadIntervalMs = 200;
/** So that the start-up's own work is not in the idle memory. */
const settleMs = 1500;
/** The load behind the PING probe outlasts it. */
const probeMarginMs = 1500;

export type Site = LoadSite & {
  readonly times: DaemonTimes;
  readonly progress: (line: string) => void;
  /** A sentence for below the table. */
  readonly note: (text: string) => void;
};

/** Everything that is measured of one running daemon. `seedBase`: no other run of this daemon may be within 1,000 of it. */
export async function measureDaemon(
  daemon: RunningDaemon,
  site: Site,
  seedBase: number,
): Promise<readonly Sample[]> {
  await verifyDetection(daemon.title, daemon.socketPath);
  await sleep(settleMs);
  const samples: Sample[] = [{ key: 'daemon.rss.idle', value: daemon.usage().residentBytes / 1e6 }];
  const seeds = countFrom(seedBase);
  await warmUp(daemon, site, seeds);
  samples.push(...(await measurePing('daemon.ping.idle', daemon, site)));
  for (const cell of loadCells) {
    site.progress(`  ${cell.label}`);
    samples.push(...(await measureCell(cell, daemon, site, seeds())));
  }
  site.progress('  PING');
  samples.push(...(await measurePingUnderScans(daemon, site, seeds())));
  samples.push(...(await measurePingUnderReloads(daemon, site)));
  samples.push({ key: 'daemon.rss.peak', value: daemon.usage().residentPeakBytes / 1e6 });
  await verifyDetection(daemon.title, daemon.socketPath);
  return samples;
}

/** Small requests by 16 clients that nobody counts. */
export async function warmUp(daemon: RunningDaemon, site: Site, seeds: () => number): Promise<void> {
  for (const command of ['INSTREAM', 'FILDES'] as const) {
    const group = { command, framing: 'connection', clients: 16, sizeBytes: smallBytes } as const;
    const durationMs = site.times.daemonWarmUpMs / 2;
    await startLoad(site, unixPlan(daemon, [group], { warmUpMs: 0, durationMs, seed: seeds() })).report();
  }
}

/** The figures of one load on a daemon. No two of its loads may share a seed. */
export async function measureCell(
  cell: LoadCell,
  daemon: RunningDaemon,
  site: Site,
  seed: number,
): Promise<readonly Sample[]> {
  const { times } = site;
  const isSmall = cell.sizeBytes === smallBytes;
  const load = startLoad(site, {
    address:
      cell.address === 'unix'
        ? { kind: 'unix', path: daemon.socketPath }
        : { kind: 'tcp', port: daemon.tcpPort },
    groups: [cell],
    warmUpMs: isSmall ? times.generatorWarmUpMs : 0,
    durationMs: isSmall ? times.smallMs : times.largeMs,
    seed,
  });
  await load.began;
  const cpuBeforeMs = daemon.usage().cpuMs;
  const report = await load.report();
  return cellSamples(cell, report, daemon.usage().cpuMs - cpuBeforeMs);
}

/**
 * The rate, the daemon's CPU time (µs a request, or ms a megabyte) and the generator's share of a CPU in percent.
 *
 * @internal
 */
export function cellSamples(
  { key, unit }: Pick<LoadCell, 'key' | 'unit'>,
  { requests, bytes, elapsedMs, cpuMs }: LoadReport,
  daemonCpuMs: number,
): readonly Sample[] {
  const perSecond = 1000 / elapsedMs;
  const isRequests = unit === 'requests/s';
  return [
    { key, value: isRequests ? requests * perSecond : (bytes / 1e6) * perSecond },
    { key: `${key}.cpu`, value: isRequests ? (daemonCpuMs * 1000) / requests : daemonCpuMs / (bytes / 1e6) },
    { key: `${key}.generator`, value: (cpuMs / elapsedMs) * 100 },
  ];
}

async function measurePing(key: string, daemon: RunningDaemon, site: Site): Promise<readonly Sample[]> {
  const { pingMs: durationMs } = site.times;
  const report = await probePing(site, { path: daemon.socketPath, intervalMs: pingIntervalMs, durationMs });
  return pingSamples(key, report, (text) => {
    site.note(`${daemon.title}: ${text}`);
  });
}

/** 8 clients with 20 MB, 8 with 4 KiB. */
async function measurePingUnderScans(
  daemon: RunningDaemon,
  site: Site,
  seed: number,
): Promise<readonly Sample[]> {
  const group = { command: 'INSTREAM', framing: 'connection', clients: 8 } as const;
  const groups = [
    { ...group, sizeBytes: largeBytes },
    { ...group, sizeBytes: smallBytes },
  ];
  const durationMs = site.times.pingMs + probeMarginMs;
  const load = startLoad(site, unixPlan(daemon, groups, { warmUpMs: 0, durationMs, seed }));
  await load.began;
  // Also when the probe failed: the next measurement must not share the daemon with this load.
  return measurePing('daemon.ping.scans', daemon, site).finally(() => load.report());
}

async function measurePingUnderReloads(daemon: RunningDaemon, site: Site): Promise<readonly Sample[]> {
  const before = daemon.finishedReloads();
  const reloads = reloadRepeatedly(daemon.socketPath, reloadIntervalMs);
  const samples = await measurePing('daemon.ping.reload', daemon, site).finally(() => reloads.stop());
  const finished = daemon.finishedReloads() - before;
  if (finished === 0) site.note(`${daemon.title} finished no reload in the time that PING was measured`);
  site.progress(`  ${finished} reloads finished`);
  return samples;
}

function pingSamples(
  key: string,
  { latenciesMs, unanswered }: PingReport,
  note: (text: string) => void,
): readonly Sample[] {
  if (unanswered > 0) note(`${unanswered} PINGs were not answered within 5 s (${key})`);
  return [
    { key: `${key}.p50`, value: percentile(latenciesMs, 0.5) },
    { key: `${key}.p99`, value: percentile(latenciesMs, 0.99) },
  ];
}

function unixPlan(
  daemon: RunningDaemon,
  groups: readonly ClientGroup[],
  rest: Pick<LoadPlan, 'warmUpMs' | 'durationMs' | 'seed'>,
): Omit<LoadPlan, 'directory'> {
  return { address: { kind: 'unix', path: daemon.socketPath }, groups, ...rest };
}

function countFrom(start: number): () => number {
  let next = start;
  return () => (next += 1);
}
