import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { constants, isErrno } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { messageOf } from '@portcullis/shared';
import { fail, ok, skip, warn } from './check.js';
import type { Check } from './check.js';

type Fanotify = Pick<NativeApi, 'fanotify' | 'files'>;

const COMMON = constants.FAN_CLOEXEC | constants.FAN_NONBLOCK;
const UNLIMITED = constants.FAN_UNLIMITED_QUEUE | constants.FAN_UNLIMITED_MARKS;
/** A configuration that unpacks to more is not one. */
const CONFIG_MAX_BYTES = 8 * 1024 ** 2;
/** Nothing can be there: /proc makes no such name. */
const NOWHERE = '/proc/self/portcullis-nowhere';

const AS_ROOT = 'run the client and the doctor as root (sudo), outside of unprivileged containers';
const NO_PREVENTION =
  'use a kernel built with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y; until then set OnAccessPrevention no';

/** What the kernel offers: tried out where we may, else by its configuration. Sets no mark. */
export function checkKernel(native: Fanotify): Check[] {
  return [ok('kernel', release()), checkPermissionEvents(native), ...checkExtras(native)];
}

function checkPermissionEvents(native: Fanotify): Check {
  const topic = 'fanotify';
  const flags = COMMON | constants.FAN_CLASS_CONTENT | UNLIMITED;
  let group: number;
  try {
    group = native.fanotify.createGroup(flags, constants.O_CLOEXEC);
  } catch (error) {
    return explainNoGroup(topic, error);
  }
  try {
    // The mask is judged before the path is looked up, so a path that is not there tells of the mask and marks nothing.
    native.fanotify.markPath(group, constants.FAN_MARK_ADD, constants.FAN_OPEN_PERM, NOWHERE);
    return warn(topic, 'a mark on a path that is not there was taken', 'report this kernel to us');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return ok(topic, 'permission events are there: opens can be refused');
    return fail(
      topic,
      `no permission events: opens can only be told of (${messageOf(error)})`,
      NO_PREVENTION,
    );
  } finally {
    native.files.close(group);
  }
}

function explainNoGroup(topic: string, error: unknown): Check {
  const reason = messageOf(error);
  if (isErrno(error, 'EPERM')) return fail(topic, `not allowed (${reason})${configRemark()}`, AS_ROOT);
  if (isErrno(error, 'ENOSYS')) {
    return fail(
      topic,
      `this kernel has none (${reason})`,
      'use a kernel built with CONFIG_FANOTIFY=y; ONACC_INTERFACE=inotify can at least tell',
    );
  }
  if (isErrno(error, 'EMFILE')) {
    return fail(
      topic,
      `no further group (${reason})`,
      'raise the sysctl fs.fanotify.max_user_groups, or stop other listeners',
    );
  }
  return fail(topic, `no group with permission events (${reason})`, NO_PREVENTION);
}

function checkExtras(native: Fanotify): Check[] {
  const followsTrees = canCreate(native, COMMON | constants.FAN_REPORT_DFID_NAME);
  const tellsErrors = canCreate(native, COMMON | constants.FAN_CLASS_CONTENT | constants.FAN_REPORT_FD_ERROR);
  if (followsTrees === undefined || tellsErrors === undefined)
    return [skip('tree following', 'could not be tried: no fanotify group is to be had')];
  return [
    followsTrees
      ? ok('tree following', 'by fanotify (FAN_REPORT_DFID_NAME): no limit on directories')
      : warn(
          'tree following',
          'this kernel has no FAN_REPORT_DFID_NAME (5.9): new directories are followed by inotify',
          'raise the sysctl fs.inotify.max_user_watches above the number of your directories',
        ),
    tellsErrors
      ? ok('denied by the kernel', 'is told of (FAN_REPORT_FD_ERROR)')
      : ok('denied by the kernel', 'is not told of: FAN_REPORT_FD_ERROR needs 6.13; nothing to do'),
  ];
}

/** @returns undefined where it cannot be tried. */
function canCreate({ fanotify, files }: Fanotify, flags: number): boolean | undefined {
  try {
    files.close(fanotify.createGroup(flags, constants.O_CLOEXEC));
    return true;
  } catch (error) {
    return isErrno(error, 'EINVAL') ? false : undefined;
  }
}

/** What the kernel was built with, where we may not try it. */
function configRemark(): string {
  const text = readKernelConfig();
  if (text === undefined) return '';
  const answer = (name: string): string =>
    `${name} ${new RegExp(`^${name}=y$`, 'm').test(text) ? 'yes' : 'no'}`;
  return `; the kernel was built with ${answer('CONFIG_FANOTIFY')}, ${answer('CONFIG_FANOTIFY_ACCESS_PERMISSIONS')}`;
}

function readKernelConfig(): string | undefined {
  try {
    return gunzipSync(readFileSync('/proc/config.gz'), { maxOutputLength: CONFIG_MAX_BYTES }).toString(
      'latin1',
    );
  } catch {
    // Not built in; distributions put it beside the kernel.
  }
  try {
    return readFileSync(`/boot/config-${release()}`, 'latin1');
  } catch {
    return undefined;
  }
}
