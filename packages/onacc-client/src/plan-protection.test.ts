import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { FakeNative, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { planProtection } from './plan-protection.js';
import type { PlanSources } from './plan-protection.js';

let directory: TempDir;
let here: string;

beforeEach(() => {
  directory = makeTempDir('plan-');
  here = realpathSync(directory.path);
  for (const name of ['real/tmp', 'other']) mkdirSync(`${here}/${name}`, { recursive: true });
});

afterEach(() => {
  directory.remove();
});

async function plan(lines: readonly string[], more: Partial<PlanSources> = {}) {
  const { config } = readClamdConfig(Buffer.from(`${lines.join('\n')}\n`), 'clamd.conf');
  if (config === undefined) throw new Error('not a clamd.conf');
  return await planProtection({
    config,
    settings: { marks: 'directory', includeFilesystems: undefined },
    ...{ watchListFile: undefined, excludeListFile: undefined, environmentTmp: undefined },
    patterns: new FakeNative().patterns,
    isDaemonKnown: () => true,
    ...more,
  });
}

const MOUNT = { settings: { marks: 'mount', includeFilesystems: undefined } } as const;

describe('planProtection', () => {
  test('the scope of whole mounts has paths as written, and where they lead, now or later', async () => {
    symlinkSync('real', `${here}/link`);
    symlinkSync('none', `${here}/dangling`);
    const lines = ['link', 'link/later', 'dangling'].map((name) => `OnAccessIncludePath ${here}/${name}`);
    const { scope } = (await plan(lines, MOUNT)).plan;
    expect([...scope].sort()).toEqual(
      ['dangling', 'link', 'link/later', 'none', 'real', 'real/later'].map((name) => `${here}/${name}`),
    );
    expect((await plan(lines)).plan.scope).toEqual([]);
  });

  test.each([
    ['OnAccessMountPath', undefined, true, false],
    ['OnAccessMountPath', undefined, false, true],
    ['OnAccessIncludePath', MOUNT, true, false],
    ['OnAccessIncludePath', MOUNT, false, true],
    ['OnAccessIncludePath', undefined, true, true],
  ] as const)(
    'the temporary directory under %s (%j), daemon known %s: left out %s',
    async (option, more, isKnown, isLeftOut) => {
      const tmp = `${here}/real/tmp`;
      const planned = await plan([`${option} ${here}/real`, `TemporaryDirectory ${tmp}`], {
        ...more,
        isDaemonKnown: () => isKnown,
      });
      expect(planned.plan.exclusions.directories).toEqual(isLeftOut ? [tmp] : []);
      const warning = `'${tmp}' and what is below it is not protected`;
      expect(planned.warnings.some((line) => line.includes(warning))).toBe(isLeftOut);
    },
  );

  test('a temporary directory outside of what is protected is no matter', async () => {
    const lines = [`OnAccessIncludePath ${here}/real`, `TemporaryDirectory ${here}/other`];
    expect((await plan(lines)).warnings).toEqual([]);
    expect((await plan(lines, { ...MOUNT, isDaemonKnown: () => false })).warnings).toEqual([]);
  });

  test('with OnAccessMountPath, what has no effect is said', async () => {
    const watchListFile = `${here}/list`;
    writeFileSync(watchListFile, `${here}/other\n`);
    const { warnings } = await plan([`OnAccessMountPath ${here}`, 'OnAccessDisableDDD yes'], {
      watchListFile,
    });
    expect(warnings).toEqual([
      expect.stringContaining('WARNING: --watch-list has no effect with OnAccessMountPath'),
      expect.stringContaining('WARNING: OnAccessDisableDDD has no effect with OnAccessMountPath'),
    ]);
  });

  test('what is covered by another path, or listed twice, is a note and no warning', async () => {
    const lines = ['real', 'real', 'real/tmp'].map((name) => `OnAccessIncludePath ${here}/${name}`);
    const { warnings, notes } = await plan([...lines, `TemporaryDirectory ${here}/other`]);
    expect(warnings).toEqual([]);
    expect(notes).toHaveLength(2);
  });
});
