import { expect, test } from '@jest/globals';
import { hostEnvironment } from './host-environment.js';

test('the allocator is tuned, and everything else stays', () => {
  const environment = hostEnvironment({ PATH: '/bin' });
  expect(environment['PATH']).toBe('/bin');
  expect(environment['GLIBC_TUNABLES']).toBe(
    'glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=268435456:glibc.malloc.hugetlb=1',
  );
});

test('what somebody has tuned stays as he wants it', () => {
  const given = 'glibc.malloc.hugetlb=0:glibc.pthread.rseq=0';
  expect(hostEnvironment({ GLIBC_TUNABLES: given })['GLIBC_TUNABLES']).toBe(
    `${given}:glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=268435456`,
  );
});
