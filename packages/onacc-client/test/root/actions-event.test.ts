import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import { describeIfFanotify } from '@portcullis/shared/testing';
import type { JudgedFile } from '../../src/actions/judged-file.js';
import { ActionsFixture } from './actions-fixture.js';

jest.setTimeout(60_000);

/** Refuses the next open in the fixture's tree, and hands over the event's own descriptor, as the gate does. */
class OneEvent {
  readonly #at: ActionsFixture;
  readonly #group: number;

  constructor(at: ActionsFixture) {
    this.#at = at;
    const { FAN_CLASS_CONTENT, FAN_CLOEXEC, FAN_NONBLOCK, O_CLOEXEC, O_LARGEFILE, O_RDONLY } = constants;
    const { fanotify } = at.native;
    this.#group = fanotify.createGroup(
      FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK,
      O_RDONLY | O_LARGEFILE | O_CLOEXEC,
    );
    fanotify.markPath(
      this.#group,
      constants.FAN_MARK_ADD,
      constants.FAN_OPEN_PERM | constants.FAN_EVENT_ON_CHILD,
      at.tree,
    );
  }

  /** Runs a script that opens a file in the tree, says `refused` and may wait for the end of its input. */
  async refused(script: string): Promise<{ judged: JudgedFile; end: () => Promise<unknown> }> {
    const child = execFile('timeout', ['-k', '5', '30', 'sh', '-c', script]);
    const said = new Promise((resolve) => child.stdout?.once('data', resolve));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const event = Buffer.alloc(4096);
    let got = -1;
    for (let tries = 0; tries < 2_000 && got <= 0; tries += 1) {
      got = this.#at.native.fanotify.readEvents(this.#group, event);
      if (got <= 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(got).toBe(constants.FAN_EVENT_METADATA_LEN);
    const [fd, pid] = [event.readInt32LE(16), event.readInt32LE(20)];
    const answer = Buffer.alloc(8);
    answer.writeInt32LE(fd, 0);
    answer.writeUInt32LE(constants.FAN_DENY, 4);
    this.#at.native.fanotify.respond(this.#group, answer, 1);
    await said;
    const path = this.#at.native.files.readLink(`/proc/self/fd/${fd}`);
    const opener = { pid, uid: 0, executable: '/bin/sh', commandLine: '', container: '' };
    const end = (): Promise<unknown> => {
      child.stdin?.end();
      return ended;
    };
    return { judged: { fd, path, signatureName: 'Test.Eicar', opener, detectedAtMs: 0 }, end };
  }

  close(): void {
    this.#at.native.files.close(this.#group);
  }
}

describeIfFanotify('an action on the descriptor of a real event', () => {
  let at: ActionsFixture;
  let events: OneEvent | undefined;
  beforeEach(() => {
    at = new ActionsFixture();
    at.write('x', 'infected');
  });
  afterEach(async () => {
    events?.close();
    events = undefined;
    await at.remove();
  });

  test.each(['move', 'copy', 'remove'] as const)(
    '%s, and no open of ours waits for an answer',
    async (kind) => {
      events = new OneEvent(at);
      const { judged, end } = await events.refused(`cat ${at.path('x')}; echo refused`);
      await end();
      expect(await at.actions(kind).act(judged)).toMatchObject({ kind: 'done' });
      expect(existsSync(at.path('x'))).toBe(kind === 'copy');
      expect(existsSync(`${at.quarantine}/x`)).toBe(kind !== 'remove');
    },
  );

  test.each(['move', 'remove'] as const)(
    '%s of a file that was opened in a container, while its opener runs',
    async (kind) => {
      events = new OneEvent(at);
      const inside = `${at.tree}.inside`;
      const { judged, end } = await events.refused(
        `mkdir ${inside}; exec unshare -m sh -c 'mount --bind ${at.tree} ${inside}; read x < ${inside}/x; echo refused; read y'`,
      );
      expect(judged.path).toBe(`${inside}/x`);
      const result = await at.actions(kind).act(judged);
      await end();
      expect(result).toMatchObject({ kind: 'done' });
      expect(existsSync(at.path('x'))).toBe(false);
      if (kind === 'move')
        expect(at.record('x')).toMatchObject({ isElsewhere: true, path: Buffer.from(`${inside}/x`) });
    },
  );

  test('a file that was opened in a container that has ended stays, and that is told', async () => {
    events = new OneEvent(at);
    const inside = `${at.tree}.inside`;
    const { judged, end } = await events.refused(
      `mkdir ${inside}; unshare -m sh -c 'mount --bind ${at.tree} ${inside}; cat ${inside}/x'; echo refused`,
    );
    await end();
    expect(await at.actions('move').act(judged)).toMatchObject({ kind: 'failed', code: 'UNREACHABLE' });
    expect(existsSync(at.path('x'))).toBe(true);
  });
});
