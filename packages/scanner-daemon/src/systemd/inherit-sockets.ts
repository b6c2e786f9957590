import { isErrno } from '@portcullis/shared/native';
import type { SocketApi } from '@portcullis/shared/native';
import { messageOf } from '@portcullis/shared';
import type { PassedDescriptor } from './systemd-descriptors.js';

/** A listening stream socket that the service manager made. Whoever listens on it takes the descriptor. */
export interface InheritedSocket {
  readonly fd: number;
  readonly family: 'unix' | 'inet' | 'inet6';
}

/** A descriptor that is of no use to us. It is left as it is: it may not even be the service manager's. */
export interface UnusableDescriptor {
  readonly fd: number;
  readonly name: string | undefined;
  /** `is a datagram socket` and kin, to follow the descriptor's name. */
  readonly reason: string;
}

/** What was found behind the passed descriptors. */
export interface InheritedSockets {
  readonly usable: readonly InheritedSocket[];
  readonly unusable: readonly UnusableDescriptor[];
}

/**
 * Looks at every passed descriptor and makes the listening stream sockets among them non-blocking and close-on-exec.
 * clamd uses one TCP and one Unix socket and ignores the others (behaviour 2.5); we take all.
 */
export function inheritSockets(
  descriptors: readonly PassedDescriptor[],
  sockets: Pick<SocketApi, 'describe' | 'adopt'>,
): InheritedSockets {
  const usable: InheritedSocket[] = [];
  const unusable: UnusableDescriptor[] = [];
  for (const { fd, name } of descriptors) {
    const judged = judge(fd, sockets);
    if (typeof judged === 'string') unusable.push({ fd, name, reason: judged });
    else usable.push(judged);
  }
  return { usable, unusable };
}

/** @returns the adopted socket, or why it cannot be used. */
function judge(fd: number, sockets: Pick<SocketApi, 'describe' | 'adopt'>): InheritedSocket | string {
  try {
    const { family, type, isListening } = sockets.describe(fd);
    if (family === 'other') return 'is a socket of a family other than AF_UNIX, AF_INET and AF_INET6';
    if (type !== 'stream') return 'is not a stream socket (the socket unit needs ListenStream=)';
    if (!isListening) return 'is a socket that does not listen (the socket unit needs Accept=no)';
    sockets.adopt(fd);
    return { fd, family };
  } catch (error) {
    if (isErrno(error, 'ENOTSOCK')) return 'is not a socket';
    if (isErrno(error, 'EBADF')) return 'is not open';
    return `cannot be used: ${messageOf(error)}`;
  }
}
