/**
 * The comparisons of the built-in engine with clamscan; `scripts/parity` starts it. The exit code is 1 where they differ.
 *
 *     node main.js generated|hashes|lines|tree|testfiles [options]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareGenerated } from './generated.js';
import { compareHashes } from './hashes.js';
import { compareLines } from './lines.js';
import { compareTestfiles } from './testfiles.js';
import { compareTrees } from './tree.js';

const OPTIONS = {
  database: { type: 'string' },
  signatures: { type: 'string' },
  sample: { type: 'string' },
  seed: { type: 'string', default: '1' },
  keep: { type: 'string' },
  answers: { type: 'string' },
  'near-misses': { type: 'string', default: '1' },
  joined: { type: 'string', default: '1' },
  mutants: { type: 'string', default: '0' },
  only: { type: 'string' },
  report: { type: 'string' },
} as const;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [what, ...trees] = positionals;
  const { report } = values;
  const database = (): string => {
    if (values.database === undefined) throw new Error('--database is needed');
    return values.database;
  };
  const save = (differences: readonly unknown[]): number => {
    if (report !== undefined) writeFileSync(report, JSON.stringify(differences, null, 1));
    return differences.length;
  };
  switch (what) {
    case 'generated':
      return save(
        await compareGenerated({
          database: database(),
          signatures: values.signatures ?? database(),
          sample: Number(values.sample ?? 400),
          keep: values.keep,
          answers: values.answers,
          nearMissesEvery: Number(values['near-misses']),
          joined: Number(values.joined),
          mutants: Number(values.mutants),
          only: values.only === undefined ? undefined : new RegExp(values.only),
          print,
        }),
      );
    case 'lines':
      return save(
        await compareLines({
          signatures: values.signatures ?? database(),
          sample: Number(values.sample ?? 500),
          seed: Number(values.seed),
          print,
        }),
      );
    case 'tree':
      return compareTrees({ database: database(), trees, sample: Number(values.sample ?? 1000), print });
    case 'hashes':
      return compareHashes(Number(values.sample ?? 300), print);
    case 'testfiles':
      return compareTestfiles(print);
    case undefined:
    default:
      throw new Error('generated, hashes, lines, tree or testfiles?');
  }
}

process.exitCode = (await main(process.argv.slice(2))) === 0 ? 0 : 1;
