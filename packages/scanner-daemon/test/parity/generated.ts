import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExtendedSignature, LogicalSignature } from '../../src/database/model/logical-signature.js';
import { isJoinable } from '../../src/testing/specimens/build-specimen.js';
import { buildJoinedSpecimens, buildSpecimens } from '../../src/testing/specimens/specimen-set.js';
import type { SpecimenFile, SpecimenKind } from '../../src/testing/specimens/specimen-set.js';
import { Answers } from './answers.js';
import { mutateBytes } from './mutate-bytes.js';
import { openOurEngine } from './our-engine.js';
import type { OurScan } from './our-engine.js';
import { randomFrom } from './random.js';
import { parseSignatureLine, readSignatureLines, sampleOf } from './signature-lines.js';
import type { SignatureLine } from './signature-lines.js';

/** What the comparison of generated files is to do. */
export interface GeneratedRun {
  /** A directory (or file) of signatures that both sides load. */
  readonly database: string;
  /** Where the lines come from, if not from all of `database`. */
  readonly signatures: string;
  readonly sample: number;
  /** Where files that differ are kept. */
  readonly keep: string | undefined;
  /** Where clamscan's answers are kept from run to run. */
  readonly answers: string | undefined;
  /** Near misses of every so many signatures only; 0: none. */
  readonly nearMissesEvery: number;
  /** So many signatures that ask for patterns anywhere share a file; 1: none do. */
  readonly joined: number;
  /** Files a signature that are its match with bytes changed at random. */
  readonly mutants: number;
  /** Only signatures whose line matches. */
  readonly only: RegExp | undefined;
  /** Called with a line to print. */
  readonly print: (line: string) => void;
}

interface Tally {
  signatures: number;
  built: number;
  files: number;
  agreed: number;
  /** Signatures all of whose files both sides judge alike. */
  signaturesAgreed: number;
  /** Matches in which clamscan finds the signature that it was built for. */
  oracleFinds: number;
  nearMisses: number;
  nearMissesFound: number;
  clamscanMs: number;
  oursMs: number;
  readonly unbuilt: Map<string, string[]>;
  readonly notFound: string[];
}

/** A file on which the two differ. */
export interface Difference {
  readonly line: SignatureLine;
  readonly kind: SpecimenKind | 'mutant';
  readonly onlyClamscan: readonly string[];
  readonly onlyOurs: readonly string[];
  readonly trouble: string | undefined;
  readonly path: string;
}

interface Member {
  readonly line: SignatureLine;
  readonly signature: LogicalSignature | ExtendedSignature;
}

interface BuiltFile {
  /** Of the copy that is kept. */
  readonly name: string;
  /** One; several in a file that was joined. */
  readonly members: readonly Member[];
  readonly kind: SpecimenKind | 'mutant';
  readonly bytes: Uint8Array;
}

const BATCH_FILES = 4000;
const BATCH_BYTES = 512 << 20;
const KEPT_MAX = 2000;

/** Builds files for every signature of a sample and compares what both sides find in each. */
export async function compareGenerated(run: GeneratedRun): Promise<readonly Difference[]> {
  const { only } = run;
  const all = readSignatureLines(run.signatures).filter(({ text }) => only === undefined || only.test(text));
  const lines = sampleOf(all, run.sample);
  const scan = await openOurEngine(run.database);
  const tally: Tally = {
    ...{ signatures: lines.length, built: 0, files: 0, agreed: 0, signaturesAgreed: 0 },
    ...{ oracleFinds: 0, nearMisses: 0, nearMissesFound: 0, clamscanMs: 0, oursMs: 0 },
    ...{ unbuilt: new Map(), notFound: [] },
  };
  const differences: Difference[] = [];
  const parent = mkdtempSync(join(tmpdir(), 'portcullis-parity-'));
  const answers = new Answers(run.database, parent, run.answers);
  try {
    let batch: BuiltFile[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      differences.push(...(await judgeBatch(batch, { run, scan, tally, answers })));
      run.print(`${tally.files} files, ${differences.length} different`);
      batch = [];
      bytes = 0;
    };
    const builder = new FileBuilder(run, tally);
    const add = async (built: readonly BuiltFile[]): Promise<void> => {
      batch.push(...built);
      for (const file of built) bytes += file.bytes.length;
      if (batch.length >= BATCH_FILES || bytes >= BATCH_BYTES) await flush();
    };
    for (const line of lines) await add(builder.add(line));
    await add(builder.finish());
    if (batch.length > 0) await flush();
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
  summarize(tally, differences, run.print);
  return differences;
}

/** Builds the files of one line after the other. */
class FileBuilder {
  readonly #run: GeneratedRun;
  readonly #tally: Tally;
  readonly #pending = new Map<number, Member[]>();
  #signatures = 0;

  constructor(run: GeneratedRun, tally: Tally) {
    this.#run = run;
    this.#tally = tally;
  }

  add(line: SignatureLine): readonly BuiltFile[] {
    this.#signatures += 1;
    const signature = parseSignatureLine(line);
    if (typeof signature === 'string') return this.#note(line, signature);
    const member = { line, signature };
    if (this.#run.joined <= 1 || !isJoinable(signature)) return this.#alone(member);
    const target = signature.kind === 'logical' ? signature.conditions.target : signature.target;
    const pending = this.#pending.get(target) ?? [];
    this.#pending.set(target, pending);
    pending.push(member);
    if (pending.length < this.#run.joined) return [];
    this.#pending.delete(target);
    return this.#together(pending);
  }

  finish(): readonly BuiltFile[] {
    return [...this.#pending.values()].flatMap((members) => this.#together(members));
  }

  #together(members: readonly Member[]): readonly BuiltFile[] {
    const signatures = members.map(({ signature }) => signature);
    const set = buildJoinedSpecimens(signatures, this.#isNear());
    if (set.kind === 'unbuilt') return members.flatMap((member) => this.#alone(member));
    this.#tally.built += members.length;
    return this.#filesOf(members, set.files);
  }

  #alone(member: Member): readonly BuiltFile[] {
    const set = buildSpecimens(member.signature, this.#isNear());
    if (set.kind === 'unbuilt') return this.#note(member.line, set.reason);
    this.#tally.built += 1;
    return this.#filesOf([member], set.files);
  }

  #filesOf(members: readonly Member[], files: readonly SpecimenFile[]): readonly BuiltFile[] {
    const [match] = files;
    const random = randomFrom(this.#signatures);
    const mutants = Array.from({ length: match === undefined ? 0 : this.#run.mutants }, () => ({
      kind: 'mutant' as const,
      bytes: mutateBytes(match?.bytes ?? new Uint8Array(), random),
    }));
    return [...files, ...mutants].map(({ kind, bytes }, number) => ({
      ...{ name: `${this.#signatures}-${number}-${kind}`, members, kind, bytes },
    }));
  }

  #isNear(): boolean {
    const { nearMissesEvery } = this.#run;
    return nearMissesEvery > 0 && this.#signatures % nearMissesEvery === 0;
  }

  #note(line: SignatureLine, reason: string): readonly BuiltFile[] {
    const names = this.#tally.unbuilt.get(reason) ?? [];
    this.#tally.unbuilt.set(reason, names);
    names.push(line.text.split(/[;:]/, 1)[0] ?? '');
    return [];
  }
}

interface Judging {
  readonly run: GeneratedRun;
  readonly scan: OurScan;
  readonly tally: Tally;
  readonly answers: Answers;
}

async function judgeBatch(batch: readonly BuiltFile[], judging: Judging): Promise<readonly Difference[]> {
  const { run, scan, tally, answers } = judging;
  const beganAtMs = performance.now();
  const asked = answers.ask(batch.map(({ bytes }) => bytes)).then((found) => {
    tally.clamscanMs += performance.now() - beganAtMs;
    return found;
  });
  const ours = batch.map(({ bytes }) => {
    const scanBeganAtMs = performance.now();
    const result = scan(bytes);
    tally.oursMs += performance.now() - scanBeganAtMs;
    return result;
  });
  const theirs = await asked;
  const differences: Difference[] = [];
  const differing = new Set<SignatureLine>();
  for (const [index, file] of batch.entries()) {
    const clam = theirs[index] ?? new Set<string>();
    const our = ours[index] ?? { names: new Set<string>() };
    tally.files += 1;
    for (const { line, signature } of file.members) {
      const isFound = clam.has(signature.name) || clam.has(`${signature.name}.UNOFFICIAL`);
      if (file.kind !== 'match') {
        tally.nearMisses += 1;
        if (isFound) tally.nearMissesFound += 1;
      } else if (isFound) tally.oracleFinds += 1;
      else tally.notFound.push(line.text.slice(0, 300));
    }
    const onlyClamscan = [...clam].filter((name) => !our.names.has(name));
    const onlyOurs = [...our.names].filter((name) => !clam.has(name));
    if (onlyClamscan.length + onlyOurs.length === 0 && our.trouble === undefined) {
      tally.agreed += 1;
      continue;
    }
    const named = file.members.filter(({ signature }) =>
      [...onlyClamscan, ...onlyOurs].some((name) => name.replace(/\.UNOFFICIAL$/, '') === signature.name),
    );
    for (const { line } of named.length > 0 ? named : file.members.slice(0, 1)) differing.add(line);
    const line = (named[0] ?? file.members[0])?.line;
    if (line === undefined) continue;
    const { trouble } = our;
    differences.push({
      line,
      kind: file.kind,
      onlyClamscan,
      onlyOurs,
      trouble,
      path: keepFile(file, run.keep),
    });
  }
  const judged = new Set(batch.flatMap(({ members }) => members.map(({ line }) => line)));
  tally.signaturesAgreed += judged.size - differing.size;
  return differences;
}

let kept = 0;

function keepFile({ name, bytes }: BuiltFile, keep: string | undefined): string {
  if (keep === undefined || kept >= KEPT_MAX) return '';
  kept += 1;
  mkdirSync(keep, { recursive: true });
  const copy = join(keep, name);
  writeFileSync(copy, bytes);
  return copy;
}

function summarize(tally: Tally, differences: readonly Difference[], print: (line: string) => void): void {
  for (const [reason, names] of [...tally.unbuilt].sort((a, b) => b[1].length - a[1].length))
    print(`not built: ${names.length} ${reason.slice(0, 200)}: ${names.slice(0, 3).join(' ')}`);
  for (const text of tally.notFound.slice(0, 40)) print(`clamscan does not find: ${text}`);
  const percent = (part: number, whole: number): string =>
    `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;
  print(
    [
      `${tally.signatures} signatures`,
      `${tally.built} built`,
      `clamscan finds ${tally.oracleFinds} of them (${percent(tally.oracleFinds, tally.built)})`,
      `${tally.nearMissesFound} of ${tally.nearMisses} near misses found`,
    ].join(', '),
  );
  print(
    `same sets: ${tally.agreed} of ${tally.files} files (${percent(tally.agreed, tally.files)}), ` +
      `${tally.signaturesAgreed} of ${tally.built} signatures (${percent(tally.signaturesAgreed, tally.built)}), ` +
      `${differences.length} files differ`,
  );
  print(
    `${(tally.clamscanMs / 1000).toFixed(1)} seconds clamscan, ${(tally.oursMs / 1000).toFixed(1)} seconds ours, beside each other`,
  );
}
