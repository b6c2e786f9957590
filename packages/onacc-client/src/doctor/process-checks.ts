import { fail, ok, skip, warn } from './check.js';
import type { Check } from './check.js';

/** Reads a file of /proc or /sys; undefined where it is not there or not for us. */
export type ReadProc = (path: string) => string | undefined;

/** linux/capability.h */
const CAPABILITIES = [
  { name: 'CAP_SYS_ADMIN', bit: 21n, needed: true, why: 'fanotify needs it' },
  {
    name: 'CAP_DAC_READ_SEARCH',
    bit: 2n,
    needed: true,
    why: 'without it directories and files of others stay unread',
  },
  {
    name: 'CAP_LEASE',
    bit: 28n,
    needed: false,
    why: 'without it verdicts on the files of others are not cached',
  },
] as const;

const SYS_RESOURCE_BIT = 24n;
const OPEN_FILES_WANTED = 16_384;
const GROUPS_WANTED = 16;
const WATCHES_WANTED = 65_536;
const INSTANCES_WANTED = 64;

/** Who we are, as far as the kernel cares. */
export function checkPrivileges(read: ReadProc): Check[] {
  const held = effectiveCapabilities(read);
  if (held === undefined) return [skip('capabilities', '/proc/self/status cannot be read')];
  const missing = CAPABILITIES.filter(({ bit }) => !hasBit(held, bit));
  const names = missing.map(({ name, why }) => `${name} (${why})`).join(', ');
  const advice =
    'run it as root (sudo); under systemd check CapabilityBoundingSet, in a container use --privileged or --cap-add';
  const capabilities =
    missing.length === 0
      ? ok('capabilities', CAPABILITIES.map(({ name }) => name).join(', '))
      : missing.some(({ needed }) => needed)
        ? fail('capabilities', `missing: ${names}`, advice)
        : warn('capabilities', `missing: ${names}`, advice);
  return [capabilities, checkUserNamespace(read)];
}

function checkUserNamespace(read: ReadProc): Check {
  const topic = 'user namespace';
  const map = read('/proc/self/uid_map')?.trim().split(/\s+/).join(' ');
  if (map === undefined) return skip(topic, '/proc/self/uid_map cannot be read');
  return map === '0 0 4294967295'
    ? ok(topic, 'the initial one')
    : fail(
        topic,
        'not the initial one: permission events are refused here, whatever the capabilities say',
        'run the client on the host, or in a container without user namespace (no rootless podman, no userns-remap)',
      );
}

/** The limits that end protection when they are reached. */
export function checkLimits(read: ReadProc): Check[] {
  return [
    checkOpenFiles(read),
    checkAtLeast(read, {
      path: 'fs/fanotify/max_user_groups',
      wanted: GROUPS_WANTED,
      why: 'each client needs a handful of groups',
    }),
    checkAtLeast(read, {
      path: 'fs/inotify/max_user_watches',
      wanted: WATCHES_WANTED,
      why: 'used only where directories have to be followed by inotify',
    }),
    checkAtLeast(read, {
      path: 'fs/inotify/max_user_instances',
      wanted: INSTANCES_WANTED,
      why: 'used only where directories have to be followed by inotify',
    }),
    checkWatchdog(read),
  ];
}

function checkOpenFiles(read: ReadProc): Check {
  const topic = 'open files';
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(read('/proc/self/limits') ?? '');
  const hard = match?.[2];
  if (hard === undefined) return skip(topic, '/proc/self/limits cannot be read');
  const held = effectiveCapabilities(read) ?? 0n;
  const mayRaise = hasBit(held, SYS_RESOURCE_BIT);
  if (hard === 'unlimited' || Number(hard) >= OPEN_FILES_WANTED || mayRaise) {
    return ok(topic, `up to ${hard}${mayRaise ? ', and the client may raise it' : ''}`);
  }
  return warn(
    topic,
    `only ${hard}: each open that waits holds one, and without one the kernel itself refuses the opener`,
    `set LimitNOFILE=${OPEN_FILES_WANTED} in the unit, or ulimit -n ${OPEN_FILES_WANTED}`,
  );
}

function checkAtLeast(
  read: ReadProc,
  { path, wanted, why }: { readonly path: string; readonly wanted: number; readonly why: string },
): Check {
  const topic = path.replaceAll('/', '.');
  const value = read(`/proc/sys/${path}`)?.trim();
  if (value === undefined) return skip(topic, 'this kernel has no such sysctl');
  if (Number(value) >= wanted) return ok(topic, `${value} (${why})`);
  return warn(
    topic,
    `${value} is little: ${why}`,
    `sysctl -w ${topic}=${wanted}, and in /etc/sysctl.d to keep it`,
  );
}

/** Field notes 3.6: it only logs, and only for groups whose first mark comes after it was set. */
function checkWatchdog(read: ReadProc): Check {
  const topic = 'fs.fanotify.watchdog_timeout';
  const value = read('/proc/sys/fs/fanotify/watchdog_timeout')?.trim();
  if (value === undefined) return ok(topic, 'this kernel has none (6.18); nothing to do');
  if (value === '0') {
    return ok(
      topic,
      'off. Set to 30 before the client starts, it has the kernel log listeners that do not answer',
    );
  }
  return ok(topic, `${value} s: the kernel logs listeners that do not answer`);
}

function effectiveCapabilities(read: ReadProc): bigint | undefined {
  const match = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(read('/proc/self/status') ?? '');
  return match?.[1] === undefined ? undefined : BigInt(`0x${match[1]}`);
}

function hasBit(mask: bigint, bit: bigint): boolean {
  return ((mask >> bit) & 1n) === 1n;
}
