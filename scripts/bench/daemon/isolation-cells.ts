import type { Sample } from '../scenarios/scenario.js';
import { loadCells } from './daemon-cells.js';
import type { LoadCell } from './daemon-cells.js';

/** A load that tells the isolated engine from the one inside the daemon. */
export interface IsolationCell {
  /** The measurement's key; the daemon's CPU time is kept under `<key>.cpu`. */
  readonly key: string;
  readonly load: LoadCell;
  /** With one client a request is over before the next begins: its time is that of one scan. */
  readonly shows: 'time' | 'rate';
}

/** Small files by descriptor over a session: the least that can surround a scan. */
export const isolationCells: readonly IsolationCell[] = loadCells
  .filter(
    ({ command, unit, framing }) => command === 'FILDES' && unit === 'requests/s' && framing === 'session',
  )
  .map((load) => ({
    key: `isolation.${load.clients}`,
    load,
    shows: load.clients === 1 ? 'time' : 'rate',
  }));

/** Resident memory of all processes of the daemon, MB. */
export const isolationMemoryKey = 'isolation.rss';

/** The figures of a load under the keys of the isolation table: µs a scan instead of a rate where a time is shown. */
export function isolationSamples(
  { key, load, shows }: IsolationCell,
  samples: readonly Sample[],
): readonly Sample[] {
  return samples.flatMap((sample) => {
    if (sample.key === load.key)
      return [{ key, value: shows === 'time' ? 1e6 / sample.value : sample.value }];
    return sample.key === `${load.key}.cpu` ? [{ key: `${key}.cpu`, value: sample.value }] : [];
  });
}
