import { describe, expect, test } from '@jest/globals';
import { makeSnapshot } from './make-snapshot.js';
import type { SnapshotInputs } from './make-snapshot.js';
import { formatMetrics } from './status-metrics.js';
import { snapshotInputs } from './testing/snapshot-inputs.js';

const metricsOf = (changed: Partial<SnapshotInputs> = {}): string =>
  formatMetrics(makeSnapshot(snapshotInputs(changed)));

const SAMPLE = /^[a-z_]+(\{[a-z_]+="(\\.|[^"\\\n])*"(,[a-z_]+="(\\.|[^"\\\n])*")*\})? -?[\d.e+]+$/;

describe('formatMetrics', () => {
  test('every sample is well-formed and of a family that was announced once', () => {
    const announced = new Set<string>();
    let family = '';
    for (const line of metricsOf().trimEnd().split('\n')) {
      const help = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
      if (help?.[1] === 'HELP') {
        family = help[2] ?? '';
        expect(announced).not.toContain(family);
        announced.add(family);
      } else if (help?.[1] === 'TYPE') {
        expect([help[2], ['gauge', 'counter'].includes(help[3] ?? '')]).toEqual([family, true]);
        expect(help[3] === 'counter').toBe(family.endsWith('_total'));
      } else {
        expect(line).toMatch(SAMPLE);
        expect(line.split(/[{ ]/)[0]).toBe(family);
      }
    }
  });

  test('counts opens by decision and by reason', () => {
    const text = metricsOf();
    expect(text).toContain('portcullis_onacc_up 1\n');
    expect(text).toContain('portcullis_onacc_decisions_total{decision="deny"} 1\n');
    expect(text).toContain('portcullis_onacc_opens_total{reason="infected"} 1\n');
    expect(text).toContain('portcullis_onacc_opens_total{reason="skipped_empty"} 1\n');
    expect(text).toContain('portcullis_onacc_state{state="notify-only"} 0\n');
    expect(text).toContain('portcullis_onacc_policy_denies{cause="too_large"} 0\n');
  });

  test('a counter that this page knows nothing of is there all the same', () => {
    expect(metricsOf({ counters: { brandNewThing: 3 } })).toContain(
      'portcullis_onacc_brand_new_thing_total 3\n',
    );
  });

  test('escapes backslash, quote and line feed in labels', () => {
    const { coverage } = snapshotInputs();
    const roots = [{ path: '/a\\b"c\nd', state: 'protected', directories: 1, issues: [] }] as const;
    const text = metricsOf({ coverage: { ...coverage, roots } });
    expect(text).toContain('root_directories{path="/a\\\\b\\"c\\nd"} 1\n');
  });

  test('leaves out what cannot be told', () => {
    expect(metricsOf({ fds: { limit: 10 } })).not.toContain('portcullis_onacc_open_fds');
  });
});
