/**
 * Each scan of libclamav takes and gives back blocks of some 10 MB, in proportion to the logical signatures. By default
 * glibc maps each of them anew, and the kernel clears it page by page; kept in the heap, in huge pages where the kernel has
 * them, a small file costs a fifth less (docs/decisions/0013). The price is that these blocks stay, a set for each scan
 * thread. Read by glibc from 2.35 on ("Tunables" in its manual); another C library ignores them.
 */
const TUNABLES: Readonly<Record<string, number>> = {
  'glibc.malloc.mmap_threshold': 64 * 1024 * 1024,
  'glibc.malloc.trim_threshold': 256 * 1024 * 1024,
  'glibc.malloc.hugetlb': 1,
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of a host: ours, and how its allocator is to work unless somebody has said that already. */
export function hostEnvironment(ours: Environment): Environment {
  const given = ours['GLIBC_TUNABLES']?.split(':') ?? [];
  const names = new Set(given.map((tunable) => tunable.split('=')[0]));
  const added = Object.entries(TUNABLES)
    .filter(([name]) => !names.has(name))
    .map(([name, value]) => `${name}=${value}`);
  return { ...ours, GLIBC_TUNABLES: [...given, ...added].join(':') };
}
