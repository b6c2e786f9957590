import { describe } from '@jest/globals';
import {
  FAN_CLASS_CONTENT,
  FAN_CLOEXEC,
  FAN_EVENT_ON_CHILD,
  FAN_MARK_ADD,
  FAN_NONBLOCK,
  FAN_OPEN_PERM,
  O_CLOEXEC,
} from '../native/constants.js';
import { isErrno } from '../native/native-error.js';
import { openNative } from '../native/open-native.js';
import { makeTempDir } from './temp-dir.js';

/**
 * A suite that needs fanotify with permission events: run where there is one, else skipped, and the reason printed.
 */
export function describeIfFanotify(name: string, body: () => void): void {
  describeOrSkip(name, whyNoFanotify(), body);
}

/** As Jest's `describe`, but skipped, in its title and on standard error too, when there is a reason to. */
export function describeOrSkip(name: string, skipReason: string | undefined, body: () => void): void {
  if (skipReason === undefined) {
    describe(name, body);
    return;
  }
  process.stderr.write(`SKIPPED ${name}: ${skipReason}\n`);
  describe.skip(`${name} (skipped: ${skipReason})`, body);
}

/** Why this process can hold up no open, undefined when it can. Marks an empty directory of its own for a moment. */
function whyNoFanotify(): string | undefined {
  const { fanotify, files } = openNative();
  let group: number;
  try {
    group = fanotify.createGroup(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_CONTENT, O_CLOEXEC);
  } catch (error) {
    if (isErrno(error, 'EPERM')) {
      return 'fanotify_init: EPERM: needs root (CAP_SYS_ADMIN in the initial user namespace)';
    }
    return String(error);
  }
  const directory = makeTempDir('probe-');
  try {
    fanotify.markPath(group, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, directory.path);
    return undefined;
  } catch (error) {
    return `no permission events here: ${String(error)}`;
  } finally {
    files.close(group);
    directory.remove();
  }
}
