import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { HangingFilesystem, whyNoFuse } from '../filesystems/hanging-filesystem.js';
import { MountsFixture } from '../filesystems/mounts-fixture.js';
import { cat, openLoop } from '../openers/opener.js';
import { EICAR, PairFixture, whyNot } from '../pair-fixture.js';

jest.setTimeout(60_000);

const REFUSED = /Operation not permitted/;
const noPython = await whyNot('python3');

describeOrSkip('a FUSE filesystem that hangs', noPython ?? whyNoFuse(), () => {
  describeIfFanotify('on a real kernel', () => {
    let mounts: MountsFixture;
    let disk: string;
    let hanging: HangingFilesystem | undefined;
    let pair: PairFixture | undefined;

    beforeEach(() => {
      mounts = new MountsFixture();
      disk = mounts.tmpfs('disk');
      writeFileSync(`${disk}/eicar`, EICAR);
      for (let index = 0; index < 50; index += 1) writeFileSync(`${disk}/f${index}`, `clean ${index}`);
    });

    afterEach(async () => {
      // First of all: while it hangs, nobody that waits for it can even be killed.
      await hanging?.stop();
      hanging = undefined;
      await pair?.stop();
      pair = undefined;
      mounts.remove();
    });

    async function protectBoth(hangsIn: 'open' | 'read', included: string) {
      hanging = await HangingFilesystem.start(mounts, hangsIn);
      pair = new PairFixture([`OnAccessMountPath ${disk}`, `OnAccessMountPath ${hanging.path}`], {
        include: [],
      });
      await pair.startDaemon();
      const client = await pair.startClient({
        ONACC_CACHE_ENTRIES: '4',
        ONACC_INCLUDE_FILESYSTEMS: included,
      });
      return { client, file: hanging.file };
    }

    test.each(['open', 'read'] as const)(
      'holds up its own opener and nobody else, when included: it hangs in %s(2)',
      async (hangsIn) => {
        const { client, file } = await protectBoth(hangsIn, 'nfs, fuse.hang');
        const opener = spawn('cat', [file], { stdio: 'ignore' });
        const ended = new Promise((resolve) => opener.once('close', resolve));
        await delay(300);
        const startedMs = Date.now();
        const opens = await openLoop(disk, 510, 20_000);
        expect(opens).toEqual({ opened: 500, refused: 10 });
        expect(await cat(`${disk}/eicar`)).toMatch(REFUSED);
        expect(Date.now() - startedMs).toBeLessThan(10_000);
        expect(opener.exitCode).toBeNull();
        hanging?.abort();
        await ended;
        await client.stop();
        expect(await client.ended).toBe(0);
      },
    );

    test('SIGTERM lets everybody else go at once, though a gate cannot be called back', async () => {
      const { client, file } = await protectBoth('open', 'fuse.hang');
      const opener = spawn('cat', [file], { stdio: 'ignore' });
      const ended = new Promise((resolve) => opener.once('close', resolve));
      await delay(300);
      process.kill(client.pid, 'SIGTERM');
      await delay(2_000);
      expect(await openLoop(disk, 51, 10_000)).toEqual({ opened: 51, refused: 0 });
      hanging?.abort();
      await ended;
      await client.ended; // by a signal perhaps: its threads were not to be ended in order
    });

    // The thread that waits for the filesystem cannot die, and with it lives the table of descriptors that holds the group.
    test('a client that is killed meanwhile lets go when the filesystem does (abort, umount -f)', async () => {
      const { client, file } = await protectBoth('open', 'fuse.hang');
      const opener = spawn('cat', [file], { stdio: 'ignore' });
      await delay(300);
      process.kill(client.pid, 'SIGKILL');
      await delay(300);
      const opening = openLoop(disk, 51, 20_000);
      await delay(1_000);
      hanging?.abort();
      expect(await opening).toEqual({ opened: 51, refused: 0 });
      opener.kill('SIGKILL');
      await client.ended;
    });

    test('is left alone and reported, when not included', async () => {
      const { client, file } = await protectBoth('open', '');
      const told = await client.said('watchIssue');
      expect(told).toMatchObject({
        what: 'notMarked',
        code: 'networkFilesystem:fuse.hang',
        path: hanging?.path,
      });
      const opener = spawn('cat', [file], { stdio: 'ignore' });
      const ended = new Promise((resolve) => opener.once('close', resolve));
      await delay(300);
      expect(await cat(`${disk}/f1`)).toBe('clean 1');
      expect(await cat(`${disk}/eicar`)).toMatch(REFUSED);
      hanging?.abort();
      await ended;
      await client.stop();
      expect(client.lines.some(({ event }) => event === 'takeover')).toBe(false);
    });
  });
});
