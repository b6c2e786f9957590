import type { ServiceEnvironment } from './service-environment.js';

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3;
/** clamd takes 2; more than this is a mistake in the socket unit. */
export const INHERITED_FDS_MAX = 16;

/** A descriptor that the service manager passed, and the name it has in the socket unit (FileDescriptorName). */
export interface PassedDescriptor {
  readonly fd: number;
  readonly name: string | undefined;
}

export type SystemdDescriptors =
  | { readonly kind: 'none' }
  /** At least one. None of them was looked at yet. */
  | { readonly kind: 'descriptors'; readonly descriptors: readonly PassedDescriptor[] }
  /** One sentence for the operator. */
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Which descriptors are ours, by the rules of sd_listen_fds(3): none, when the variables name another process.
 *
 * @param pid this process's id.
 */
export function systemdDescriptors(service: ServiceEnvironment, pid: number): SystemdDescriptors {
  const { listenPid, listenFds, listenFdNames } = service;
  if (listenPid === undefined || listenFds === undefined) return { kind: 'none' };
  const wantedPid = parseCount(listenPid);
  if (wantedPid === undefined) return refused(`LISTEN_PID is not a process id`);
  if (wantedPid !== pid) return { kind: 'none' };
  const count = parseCount(listenFds);
  if (count === undefined || count === 0) return refused('LISTEN_FDS is not a count of descriptors');
  if (count > INHERITED_FDS_MAX) {
    return refused(`Received more than ${INHERITED_FDS_MAX} file descriptors from systemd.`);
  }
  const names = listenFdNames?.split(':') ?? [];
  const descriptors = Array.from({ length: count }, (_, at) => ({ fd: FIRST_FD + at, name: names[at] }));
  return { kind: 'descriptors', descriptors };
}

function parseCount(text: string): number | undefined {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
}

function refused(message: string): SystemdDescriptors {
  return { kind: 'refused', message };
}
