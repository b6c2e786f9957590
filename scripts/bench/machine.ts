import { arch, cpus, loadavg, release } from 'node:os';

/** The lines above the table: what the figures were measured on, and a warning when it was not idle. */
export function describeMachine(signatures: string): readonly string[] {
  const cores = cpus();
  const [oneMinuteLoad = 0] = loadavg();
  const lines = [
    `Portcullis benchmark, ${new Date().toISOString()}`,
    `machine: ${cores.length} x ${cores[0]?.model ?? 'unknown CPU'}, Linux ${release()} ${arch()}, Node ${process.version}`,
    `signatures on both sides: ${signatures}`,
  ];
  return oneMinuteLoad > cores.length / 2
    ? [
        ...lines,
        `WARNING: load ${oneMinuteLoad.toFixed(1)} before the start: other work disturbs these figures`,
      ]
    : lines;
}
