import { describe, expect, test } from '@jest/globals';
import { unzstd } from './unzstd.js';

const MAGIC = '28b52ffd';
const WINDOW_128_MIB = '0088';
const LAST_RAW_BLOCK_ABC = '190000616263';
/** 131,072 times the letter a. */
const RLE_BLOCK = '02001061';
const ALWAYS = { limitBytes: 1 << 30, mayContinue: (): boolean => true };

const frame = (header: string, blocks: string): Buffer => Buffer.from(`${MAGIC}${header}${blocks}`, 'hex');

describe('unzstd', () => {
  test('gives a frame no larger a window than its blocks can fill', () => {
    const small = frame(WINDOW_128_MIB, LAST_RAW_BLOCK_ABC);
    const startedAtMs = performance.now();
    const decoded = unzstd(Buffer.concat(Array.from({ length: 1000 }, () => small)), ALWAYS);
    expect(decoded.ending).toBe('complete');
    expect(Buffer.from(decoded.bytes).toString()).toBe('abc'.repeat(1000));
    // 1,000 times 128 MiB take minutes.
    expect(performance.now() - startedAtMs).toBeLessThan(20_000);
  });

  test.each([
    ['a size of the content', 'a000008007'],
    ['a dictionary and a checksum', '05882a'],
  ])('reads a header with %s', (_, header) => {
    const checksum = header.startsWith('05') ? '00000000' : '';
    const decoded = unzstd(frame(header, `${LAST_RAW_BLOCK_ABC}${checksum}`), ALWAYS);
    expect([decoded.ending, Buffer.from(decoded.bytes).toString()]).toEqual(['complete', 'abc']);
  });

  test('asks whether it may go on with each block', () => {
    let asked = 0;
    const bomb = frame(WINDOW_128_MIB, RLE_BLOCK.repeat(2000));
    const decoded = unzstd(bomb, { ...ALWAYS, mayContinue: () => (asked += 1) < 10 });
    expect(decoded.ending).toBe('stopped');
    expect(decoded.bytes.length).toBeLessThan(10 * 131_072);
  });
});
