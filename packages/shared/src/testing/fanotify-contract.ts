import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  FAN_ALLOW,
  FAN_CLASS_CONTENT,
  FAN_CLASS_NOTIF,
  FAN_CLOEXEC,
  FAN_CLOSE_WRITE,
  FAN_DENY,
  FAN_EVENT_METADATA_LEN,
  FAN_EVENT_ON_CHILD,
  FAN_MARK_ADD,
  FAN_MARK_FLUSH,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_ONLYDIR,
  FAN_MARK_REMOVE,
  FAN_NONBLOCK,
  FAN_OPEN_PERM,
  FAN_UNLIMITED_MARKS,
  FAN_UNLIMITED_QUEUE,
  O_CLOEXEC,
  O_LARGEFILE,
  O_RDONLY,
} from '../native/constants.js';
import { emptyFileStatus } from '../native/files.js';
import { WOULD_BLOCK } from '../native/native-api.js';
import type { NativeApi } from '../native/native-api.js';
import type { OpenOutcome } from '../native/fake-opener.js';
import { codeOf } from './native-under-test.js';

/** A kernel under test, real or fake, and another process in it. */
export interface FanotifyUnderTest {
  readonly native: NativeApi;
  /** Made for this test alone: nothing else on the machine may open anything in it. */
  readonly directory: string;
  readonly writeFile: (path: string, content: string) => void;
  /** Another process opens and closes the file. Bounded in time. */
  readonly open: (path: string, options?: { write?: boolean }) => Promise<OpenOutcome>;
  /** After the groups are closed: no opener may be left behind. */
  readonly dispose: () => Promise<void>;
}

interface Event {
  readonly mask: number;
  readonly fd: number;
  readonly pid: number;
}

const GROUP_FLAGS =
  FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
const EVENT_FLAGS = O_RDONLY | O_LARGEFILE | O_CLOEXEC;
const EVENT_WAIT_MS = 4_000;
const POLL_STEP_MS = 5;
/** Enough to see that an opener waits. */
const HELD_MS = 60;

/** What every FanotifyApi must do, registered as Jest cases. */
export function fanotifyContract(name: string, create: () => FanotifyUnderTest): void {
  describe(`fanotify contract: ${name}`, () => {
    let system: FanotifyUnderTest;
    let groups: number[] = [];
    let eventFds: number[] = [];
    const hands: Hands = {
      system: () => system,
      group(flags = GROUP_FLAGS) {
        const group = system.native.fanotify.createGroup(flags, EVENT_FLAGS);
        groups.push(group);
        return group;
      },
      closeGroup(group) {
        groups = groups.filter((open) => open !== group);
        system.native.files.close(group);
      },
      async next(group) {
        const event = await nextEvent(system.native, group);
        if (event.fd >= 0) eventFds.push(event.fd);
        return event;
      },
      file(fileName) {
        const path = `${system.directory}/${fileName}`;
        system.writeFile(path, fileName);
        return path;
      },
    };
    beforeEach(() => {
      system = create();
    });
    // The group first: whatever went wrong before, its openers are let go.
    afterEach(async () => {
      for (const fd of [...groups.splice(0), ...eventFds.splice(0)]) system.native.files.close(fd);
      eventFds = [];
      await system.dispose();
    });
    permissionCases(hands);
    answerCases(hands);
    ignoreCases(hands);
    markCases(hands);
  });
}

interface Hands {
  system(): FanotifyUnderTest;
  group(flags?: number): number;
  closeGroup(group: number): void;
  next(group: number): Promise<Event>;
  file(name: string): string;
}

function permissionCases(hands: Hands): void {
  test('an open is held until it is answered, and allow and deny reach the opener', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('held')];
    markDirectory(hands, group);
    for (const [response, outcome] of [
      [FAN_ALLOW, 'allowed'],
      [FAN_DENY, 'EPERM'],
    ] as const) {
      let settled = false;
      const opener = open(path).finally(() => {
        settled = true;
      });
      const event = await hands.next(group);
      expect(event.mask).toBe(FAN_OPEN_PERM);
      expect(event.pid).not.toBe(process.pid);
      await new Promise((resolve) => setTimeout(resolve, HELD_MS));
      expect(settled).toBe(false);
      expect(native.fanotify.respond(group, responses([event, response]), 1)).toBe(1);
      expect(await opener).toBe(outcome);
    }
  });

  test('the event fd is the file, readable and at its start, and the lease probe sees who opens to write', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('content')];
    markDirectory(hands, group);
    for (const write of [false, true]) {
      const opener = open(path, { write });
      const { fd, pid } = await hands.next(group);
      const [byFd, byPath, into] = [emptyFileStatus(), emptyFileStatus(), Buffer.alloc(16)];
      native.files.status(fd, byFd);
      native.files.statusOfPath(path, byPath);
      expect(byFd).toEqual(byPath);
      expect(into.toString('utf8', 0, native.files.readAt(fd, into, 0))).toBe('content');
      expect([native.files.accessMode(fd), native.files.readLink(`/proc/self/fd/${fd}`)]).toEqual([
        'read',
        path,
      ]);
      expect(native.leases.probe(fd)).toBe(write ? 'writer' : 'noWriter');
      native.fanotify.respond(group, responses([{ fd, pid, mask: 0 }, FAN_ALLOW]), 1);
      expect(await opener).toBe('allowed');
    }
  });

  test('closing the group lets every waiter in, whether its event was read or not', async () => {
    const { open } = hands.system();
    const [group, read, unread] = [hands.group(), hands.file('read'), hands.file('unread')];
    markDirectory(hands, group);
    const first = open(read);
    await hands.next(group);
    const second = open(unread);
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
    hands.closeGroup(group);
    expect(await Promise.all([first, second])).toEqual(['allowed', 'allowed']);
  });

  test('the group is polled as readable while an event waits', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('polled')];
    markDirectory(hands, group);
    const record = Buffer.alloc(FAN_EVENT_METADATA_LEN);
    const readable = new Promise<number>((resolve) => {
      const handle = native.poller.watch(group, { readable: true, writable: false }, () => {
        handle.close();
        resolve(native.fanotify.readEvents(group, record));
      });
    });
    const opener = open(path);
    expect(await readable).toBe(FAN_EVENT_METADATA_LEN);
    const event = decode(record);
    native.fanotify.respond(group, responses([event, FAN_ALLOW]), 1);
    native.files.close(event.fd);
    expect(await opener).toBe('allowed');
    expect(native.poller.openHandles).toBe(0);
  });
}

function answerCases(hands: Hands): void {
  // respond() uses writev: a plain write(2) of two responses answers the first and leaves the second opener waiting.
  test('two responses in one call answer both', async () => {
    const { native, open } = hands.system();
    const [group, a, b] = [hands.group(), hands.file('a'), hands.file('b')];
    markDirectory(hands, group);
    const openers = [open(a), open(b)];
    const events = [await hands.next(group), await hands.next(group)] as const;
    const both = responses([events[0], FAN_DENY], [events[1], FAN_DENY]);
    expect(native.fanotify.respond(group, both, 2)).toBe(2);
    expect(await Promise.all(openers)).toEqual(['EPERM', 'EPERM']);
  });

  test('respond: ENOENT for an fd nobody waits under and for a second answer, EINVAL for no answer at all', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('twice')];
    markDirectory(hands, group);
    const opener = open(path);
    const event = await hands.next(group);
    const answer = (fd: number, response: number): unknown =>
      codeOf(() => native.fanotify.respond(group, responses([{ ...event, fd }, response]), 1));
    expect([answer(event.fd + 500, FAN_ALLOW), answer(-1, FAN_ALLOW), answer(event.fd, 7)]).toEqual([
      'ENOENT',
      'EINVAL',
      'EINVAL',
    ]);
    expect([answer(event.fd, FAN_ALLOW), answer(event.fd, FAN_DENY)]).toEqual([undefined, 'ENOENT']);
    expect(await opener).toBe('allowed');
  });

  test('respond: a bad response after a good one is told by the count', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('partly')];
    markDirectory(hands, group);
    const opener = open(path);
    const event = await hands.next(group);
    const batch = responses([event, FAN_ALLOW], [event, FAN_ALLOW]);
    expect(native.fanotify.respond(group, batch, 2)).toBe(1);
    expect(await opener).toBe('allowed');
  });

  test('readEvents: WOULD_BLOCK on an empty queue, EINVAL for a buffer below one record', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('small')];
    markDirectory(hands, group);
    expect(native.fanotify.readEvents(group, Buffer.alloc(FAN_EVENT_METADATA_LEN))).toBe(WOULD_BLOCK);
    const opener = open(path);
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
    expect(codeOf(() => native.fanotify.readEvents(group, Buffer.alloc(23)))).toBe('EINVAL');
    const event = await hands.next(group);
    native.fanotify.respond(group, responses([event, FAN_DENY]), 1);
    expect(await opener).toBe('EPERM');
  });
}

function ignoreCases(hands: Hands): void {
  const IGNORE = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK;

  test('an ignore mark set on the event fd lets the next open pass unasked, until the content changes', async () => {
    const { native, open, writeFile } = hands.system();
    const [group, path] = [hands.group(), hands.file('ignored')];
    markDirectory(hands, group);
    const first = open(path);
    const event = await hands.next(group);
    native.fanotify.markFd(group, IGNORE, FAN_OPEN_PERM, event.fd);
    native.fanotify.respond(group, responses([event, FAN_ALLOW]), 1);
    expect(await first).toBe('allowed');
    expect(await open(path)).toBe('allowed');
    native.fanotify.markPath(
      group,
      FAN_MARK_REMOVE,
      FAN_OPEN_PERM | FAN_EVENT_ON_CHILD,
      hands.system().directory,
    );
    writeFile(path, 'changed');
    markDirectory(hands, group);
    const second = open(path);
    const again = await hands.next(group);
    native.fanotify.respond(group, responses([again, FAN_DENY]), 1);
    expect(await second).toBe('EPERM');
  });

  test('an ignore mark on a file open for writing says done and does nothing', async () => {
    const { native, open } = hands.system();
    const [group, path] = [hands.group(), hands.file('written')];
    markDirectory(hands, group);
    const writer = open(path, { write: true });
    const event = await hands.next(group);
    expect(native.leases.probe(event.fd)).toBe('writer');
    native.fanotify.markFd(group, IGNORE, FAN_OPEN_PERM, event.fd);
    native.fanotify.respond(group, responses([event, FAN_ALLOW]), 1);
    expect(await writer).toBe('allowed');
    const next = open(path);
    const asked = await hands.next(group);
    native.fanotify.respond(group, responses([asked, FAN_DENY]), 1);
    expect(await next).toBe('EPERM');
  });
}

function markCases(hands: Hands): void {
  const CONTENT_CLASS_MASK = FAN_OPEN_PERM | FAN_EVENT_ON_CHILD;

  test('a notify group hears of CLOSE_WRITE, not of a close after reading, and holds nobody', async () => {
    const { native, open, directory } = hands.system();
    const [group, path] = [hands.group(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF), hands.file('closed')];
    native.fanotify.markPath(group, FAN_MARK_ADD, FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD, directory);
    expect(await open(path)).toBe('allowed');
    expect(native.fanotify.readEvents(group, Buffer.alloc(FAN_EVENT_METADATA_LEN))).toBe(WOULD_BLOCK);
    expect(await open(path, { write: true })).toBe('allowed');
    expect((await hands.next(group)).mask).toBe(FAN_CLOSE_WRITE);
  });

  test('what is removed or flushed asks no more, and only the marked directory asks at all', async () => {
    const { native, open, directory } = hands.system();
    const [group, path] = [hands.group(), hands.file('unmarked')];
    expect(await open(path)).toBe('allowed');
    markDirectory(hands, group);
    native.fanotify.markPath(group, FAN_MARK_REMOVE, CONTENT_CLASS_MASK, directory);
    expect(await open(path)).toBe('allowed');
    markDirectory(hands, group);
    native.fanotify.markPath(group, FAN_MARK_FLUSH, 0, directory);
    expect(await open(path)).toBe('allowed');
    expect(native.fanotify.readEvents(group, Buffer.alloc(FAN_EVENT_METADATA_LEN))).toBe(WOULD_BLOCK);
  });

  test('marks that make no sense are refused, by code', () => {
    const { native, directory } = hands.system();
    const [group, path] = [hands.group(), hands.file('file')];
    const notify = hands.group(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF);
    const mark = (on: number, flags: number, mask: number, target: string): unknown =>
      codeOf(() => {
        native.fanotify.markPath(on, flags, mask, target);
      });
    expect(mark(group, FAN_MARK_ADD, FAN_OPEN_PERM, `${directory}/missing`)).toBe('ENOENT');
    expect(mark(group, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN_PERM, path)).toBe('ENOTDIR');
    expect(mark(group, FAN_MARK_REMOVE, FAN_OPEN_PERM, path)).toBe('ENOENT');
    expect(mark(group, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN_PERM, path)).toBe('EINVAL');
    expect(mark(group, FAN_MARK_ADD, 0, path)).toBe('EINVAL');
    expect(mark(notify, FAN_MARK_ADD, FAN_OPEN_PERM, path)).toBe('EINVAL');
    expect(codeOf(() => native.fanotify.createGroup(FAN_CLASS_CONTENT | 0xc00, EVENT_FLAGS))).toBe('EINVAL');
  });
}

function markDirectory(hands: Hands, group: number): void {
  const { native, directory } = hands.system();
  native.fanotify.markPath(
    group,
    FAN_MARK_ADD | FAN_MARK_ONLYDIR,
    FAN_OPEN_PERM | FAN_EVENT_ON_CHILD,
    directory,
  );
}

/** One event, since the buffer holds one. @throws Error when none comes. */
async function nextEvent(native: NativeApi, group: number): Promise<Event> {
  const record = Buffer.alloc(FAN_EVENT_METADATA_LEN);
  for (let waitedMs = 0; waitedMs < EVENT_WAIT_MS; waitedMs += POLL_STEP_MS) {
    if (native.fanotify.readEvents(group, record) === FAN_EVENT_METADATA_LEN) return decode(record);
    await new Promise((resolve) => setTimeout(resolve, POLL_STEP_MS));
  }
  throw new Error('no event came');
}

/** struct fanotify_event_metadata. */
function decode(record: Buffer): Event {
  expect([record.readUInt32LE(0), record[4], record.readUInt16LE(6)]).toEqual([24, 3, 24]);
  return {
    mask: Number(record.readBigUInt64LE(8)),
    fd: record.readInt32LE(16),
    pid: record.readInt32LE(20),
  };
}

/** struct fanotify_response, one after the other. */
function responses(...answers: readonly (readonly [Event, number])[]): Buffer {
  const bytes = Buffer.alloc(answers.length * 8);
  answers.forEach(([{ fd }, response], index) => {
    bytes.writeInt32LE(fd, index * 8);
    bytes.writeUInt32LE(response, index * 8 + 4);
  });
  return bytes;
}
