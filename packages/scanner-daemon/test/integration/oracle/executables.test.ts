import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { bytesInput } from '../../../src/engine/engine.js';
import type { ExecutableFormat } from '../../../src/engine/executables/executable-layout.js';
import { importList } from '../../../src/engine/executables/pe-import-list.js';
import { readExecutable } from '../../../src/engine/executables/read-executable.js';
import { buildElf } from '../../../src/engine/executables/testing/elf-builder.js';
import { buildMachO } from '../../../src/engine/executables/testing/mach-o-builder.js';
import { buildPe } from '../../../src/engine/executables/testing/pe-builder.js';
import { runProgram, whyMissing } from '../clients/run-program.js';

const TARGETS: Readonly<Record<ExecutableFormat, number>> = { pe: 1, elf: 6, machO: 9 };
const PATTERN_BYTES = 8;

interface Sample {
  readonly name: string;
  readonly format: ExecutableFormat;
  readonly bytes: Uint8Array;
}

/** Different at every place, and the same in every run. */
function filler(lengthBytes: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return 1 + ((state >>> 16) % 250);
  });
}

function samples(): readonly Sample[] {
  const list: Sample[] = [];
  for (const is64Bit of [false, true]) {
    const bits = is64Bit ? 64 : 32;
    for (const fileAlignment of [0x200, 0x10, 0]) {
      const sections = [0x1f5, 0x333].map((size, index) => ({
        bytes: filler(size, bits + index + fileAlignment),
      }));
      const bytes = buildPe({
        is64Bit,
        fileAlignment,
        sections,
        entryPoint: 0x2013,
        imports: [
          { library: 'KERNEL32.dll', functions: ['ExitProcess'] },
          { library: 'WS2_32.dll', functions: [1, 499] },
        ],
        versionStrings: [
          ['CompanyName', `Acme ${bits}`],
          ['InternalName', `x${fileAlignment}`],
        ],
        totalBytes: 0x2000,
      });
      list.push({ name: `pe-${bits}-${fileAlignment}`, format: 'pe', bytes });
    }
    for (const bigEndian of [false, true]) {
      const seed = 100 + bits + (bigEndian ? 1 : 0);
      const content = { fileOffset: 0x400, bytes: filler(0xc00, seed) };
      const common = { is64Bit, bigEndian, place: [content], totalBytes: 0x1400 };
      const parts = [
        { fileOffset: 0x410, sizeBytes: 0x123, virtualAddress: 0x8048410 },
        { fileOffset: 0x800, sizeBytes: 0x80, virtualAddress: 0x8048800 },
      ];
      const segments = [{ fileOffset: 0, sizeBytes: 0x1000, virtualAddress: 0x8048000 }];
      const elf = { ...common, entryPoint: 0x8048420, segments, sections: parts, sectionTableOffset: 0x1000 };
      list.push({ name: `elf-${seed}`, format: 'elf', bytes: buildElf(elf) });
      list.push({
        name: `macho-${seed}`,
        format: 'machO',
        bytes: buildMachO({ ...common, entryPoint: 0x8048420, sections: parts }),
      });
    }
  }
  return list;
}

/** Signature lines by file extension, and the names that must match. */
class Expectations {
  readonly lines: Record<'ndb' | 'ldb' | 'mdb' | 'imp', string[]> = { ndb: [], ldb: [], mdb: [], imp: [] };
  readonly names = new Set<string>();

  /** One signature that says where the bytes are, and one that says they are a byte further. */
  addOffset(sample: Sample, label: string, fileOffset: number, [hit, miss]: readonly [string, string]): void {
    const pattern = Buffer.from(sample.bytes.subarray(fileOffset, fileOffset + PATTERN_BYTES)).toString(
      'hex',
    );
    const name = `${sample.name}.${label}`;
    const target = TARGETS[sample.format];
    this.lines.ndb.push(`${name}:${target}:${hit}:${pattern}`, `miss.${name}:${target}:${miss}:${pattern}`);
    this.names.add(name);
  }

  addCondition(sample: Sample, condition: string, value: number): void {
    const magic = Buffer.from(sample.bytes.subarray(0, 4)).toString('hex');
    const target = TARGETS[sample.format];
    const line = (name: string, wanted: number): string =>
      `${name};Engine:51-255,${condition}:${wanted}-${wanted},Target:${target};0;0:${magic}`;
    this.lines.ldb.push(
      line(`${sample.name}.${condition}`, value),
      line(`miss.${sample.name}.${condition}`, value + 60_000),
    );
    this.names.add(`${sample.name}.${condition}`);
  }
}

function expectationsOf(sample: Sample): Expectations {
  const expected = new Expectations();
  const input = bytesInput(sample.bytes);
  const layout = readExecutable(input, sample.format);
  if (layout?.entryPointOffset === undefined) throw new Error(`${sample.name} has no layout`);
  const { entryPointOffset, sections, versionInfoOffsets } = layout;
  expected.addOffset(sample, 'EP', entryPointOffset, ['EP+0', 'EP+1']);
  expected.addOffset(sample, 'EPminus', entryPointOffset - 3, ['EP-3', 'EP-2']);
  expected.addCondition(sample, 'EntryPoint', entryPointOffset);
  expected.addCondition(sample, 'NumberOfSections', sections.length);
  sections.slice(0, 2).forEach(({ fileOffset, sizeBytes }, index) => {
    expected.addOffset(sample, `S${index}`, fileOffset + 5, [`S${index}+5`, `S${index}+4`]);
    // The end counts too; a section that ends in zeros would match elsewhere.
    const last = fileOffset + Math.min(sizeBytes, 0x100);
    expected.addOffset(sample, `SE${index}`, last, [`SE${index}`, `SE${1 - index}`]);
    if (sample.format !== 'pe') return;
    const bytes = sample.bytes.subarray(fileOffset, fileOffset + sizeBytes);
    const digest = createHash('md5').update(bytes).digest('hex');
    expected.lines.mdb.push(`${sizeBytes}:${digest}:${sample.name}.M${index}`);
    expected.names.add(`${sample.name}.M${index}`);
  });
  const last = sections.at(-1)?.fileOffset ?? 0;
  expected.addOffset(sample, 'SL', last + 12, ['SL+12', 'SL+13']);
  versionInfoOffsets.forEach((offset, index) => {
    const text = Buffer.from(sample.bytes.subarray(offset, offset + 40)).toString('hex');
    expected.lines.ndb.push(`${sample.name}.VI${index}:1:VI:${text}`);
    expected.lines.ndb.push(`miss.${sample.name}.VI${index}:1:VI:${text.slice(2)}`);
    expected.names.add(`${sample.name}.VI${index}`);
  });
  const list = importList(input, layout);
  if (list !== undefined) {
    expected.lines.imp.push(`${createHash('md5').update(list).digest('hex')}:${list.length}:imp`);
    expected.names.add('imp');
  }
  return expected;
}

describeOrSkip('layouts of executables', whyMissing('clamscan'), () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-executables-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('signatures with offsets computed from a layout match in clamscan, and shifted ones do not', async () => {
    const all = samples();
    const expectations = all.map(expectationsOf);
    for (const kind of ['ndb', 'ldb', 'mdb', 'imp'] as const) {
      const lines = new Set(expectations.flatMap((expected) => expected.lines[kind]));
      writeFileSync(join(directory, `db.${kind}`), [...lines, ''].join('\n'));
    }
    for (const { name, bytes } of all) writeFileSync(join(directory, name), bytes);
    const databases = ['ndb', 'ldb', 'mdb', 'imp'].flatMap((kind) => ['-d', join(directory, `db.${kind}`)]);
    const files = all.map(({ name }) => join(directory, name));
    const run = await runProgram(['clamscan', '--no-summary', '--allmatch', ...databases, ...files]);
    const found = new Map(all.map(({ name }) => [name, new Set<string>()]));
    for (const [, file = '', signature = ''] of run.stdout.matchAll(/^.*\/(.*): (.*)\.UNOFFICIAL FOUND$/gm)) {
      // Signatures made for other files may match too.
      if (signature === 'imp' || signature.includes(`${file}.`)) found.get(file)?.add(signature);
    }
    all.forEach(({ name }, index) => {
      expect([name, [...(found.get(name) ?? [])].sort()]).toEqual([
        name,
        [...(expectations[index]?.names ?? [])].sort(),
      ]);
    });
    expect(run.stderr).toBe('');
  });
});
