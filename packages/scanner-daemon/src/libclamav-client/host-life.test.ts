import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { HostLife } from './host-life.js';
import { PLAIN_SETTINGS as settings, ScriptedHosts } from './testing/scripted-host.js';

let hosts: ScriptedHosts;
let directory: ReturnType<typeof makeTempDir>;
let seen: string[];

beforeEach(() => {
  hosts = new ScriptedHosts(openNative());
  directory = makeTempDir('life-');
  seen = [];
});

afterEach(() => {
  jest.useRealTimers();
  hosts.close();
  directory.remove();
});

function createLife(leaveTemporaryFiles = false): HostLife {
  return new HostLife({
    start: hosts.start,
    lanes: 0,
    host: { settings, followFileSymlinks: false, sampleDetections: false },
    temporaryDirectory: directory.path,
    leaveTemporaryFiles,
    onMessage: (message) => seen.push(message.kind),
    onOutput: (line) => seen.push(line),
    onGone: (how) => seen.push(`gone: ${how}`),
  });
}

const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the start of a host', () => {
  test('tells it where to unpack, in a directory that goes with it', async () => {
    const life = createLife();
    expect((await life.open()).kind).toBe('opened');
    const [open] = hosts.last.sent;
    if (open?.kind !== 'open') throw new Error('nothing was sent');
    const { temporaryDirectory } = open.options;
    expect(temporaryDirectory.startsWith(`${directory.path}/portcullis-libclamav-`)).toBe(true);
    writeFileSync(`${temporaryDirectory}/left`, 'x');
    hosts.last.die();
    expect(existsSync(temporaryDirectory)).toBe(false);
  });

  test('with LeaveTemporaryFiles it unpacks where the others do, and nothing is removed', async () => {
    const life = createLife(true);
    await life.open();
    writeFileSync(`${directory.path}/left`, 'x');
    hosts.last.die();
    expect(readdirSync(directory.path)).toEqual(['left']);
  });

  test('that fails leaves no directory behind', () => {
    hosts.startError = new Error('EMFILE');
    expect(() => createLife()).toThrow('EMFILE');
    expect(readdirSync(directory.path)).toEqual([]);
  });

  test('fails where there is no room for a directory', () => {
    directory.remove();
    expect(() => createLife()).toThrow('ENOENT');
    expect(hosts.lives).toEqual([]);
    directory = makeTempDir('life-');
  });

  test('is refused with the host’s reason', async () => {
    hosts.script.opens = 'refused';
    expect(await createLife().open()).toEqual({ kind: 'refused', reason: 'there is none' });
  });

  test('is refused when the host ends instead', async () => {
    hosts.script.opens = 'nothing';
    const opened = createLife().open();
    hosts.last.die('ended (exit code 3)');
    expect(await opened).toEqual({ kind: 'refused', reason: 'ended (exit code 3)' });
    expect(seen).toEqual(['gone: ended (exit code 3)']);
  });

  test('is given up after half a minute without an answer, and the host ended', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
    Object.assign(hosts.script, { opens: 'nothing', dies: false });
    const opened = createLife().open();
    jest.advanceTimersByTime(29_999);
    expect(hosts.last.isKilled).toBe(false);
    jest.advanceTimersByTime(1);
    expect(await opened).toEqual({ kind: 'refused', reason: 'no answer within 30 s' });
    expect(hosts.last.isKilled).toBe(true);
  });

  test('leaves no timer behind', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] });
    await createLife().open();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a load', () => {
  test('is answered with the database, or with what is wrong', async () => {
    const life = createLife();
    await life.open();
    expect(await life.load(1, ['/db'], never)).toMatchObject({ kind: 'loaded', database: { generation: 1 } });
    hosts.script.loads = 'fails';
    expect(await life.load(2, ['/db'], never)).toMatchObject({
      kind: 'loadFailed',
      text: 'Malformed database',
      path: '/db',
    });
    expect(hosts.last.released).toEqual([]);
  });

  test('that is given up is answered, and what comes of it is let go of', async () => {
    hosts.script.loads = 'nothing';
    const life = createLife();
    await life.open();
    const giveUp = new AbortController();
    const loaded = life.load(4, ['/db'], giveUp.signal);
    giveUp.abort();
    expect(await loaded).toEqual({ kind: 'loadFailed', text: 'the load was given up' });
    hosts.last.loaded(4);
    expect(hosts.last.released).toEqual([4]);
    expect(await life.load(5, ['/db'], AbortSignal.abort())).toMatchObject({ kind: 'loadFailed' });
    expect(hosts.last.sent.filter(({ kind }) => kind === 'load')).toHaveLength(1);
  });

  test('is answered when the host ends', async () => {
    hosts.script.loads = 'nothing';
    const life = createLife();
    await life.open();
    const answers = Promise.all([life.load(1, ['/db'], never), life.load(2, ['/db'], never)]);
    await turn();
    hosts.last.die();
    const text = 'the libclamav process ended (SIGKILL)';
    expect(await answers).toEqual([
      { kind: 'loadFailed', text },
      { kind: 'loadFailed', text },
    ]);
    expect(await life.load(3, ['/db'], never)).toMatchObject({ kind: 'loadFailed' });
  });

  test('is answered when the host is killed, even if that takes its time', async () => {
    Object.assign(hosts.script, { loads: 'nothing', dies: false });
    const life = createLife();
    await life.open();
    const loaded = life.load(1, ['/db'], never);
    life.kill();
    expect(await loaded).toEqual({ kind: 'loadFailed', text: 'the libclamav process was ended' });
    expect(await life.load(2, ['/db'], never)).toMatchObject({ kind: 'loadFailed' });
    expect(seen).toEqual([]);
    hosts.last.die();
    expect(seen).toEqual(['gone: ended (SIGKILL)']);
  });
});

describe('a look', () => {
  test('is answered with its own answer, whatever the order', async () => {
    const life = createLife();
    await life.open();
    const [first, second] = [life.look(1), life.look(2)];
    hosts.last.say({ kind: 'looked', id: 2, hasChanged: true });
    hosts.last.say({ kind: 'looked', id: 1, hasChanged: false });
    expect(await Promise.all([first, second])).toEqual([false, true]);
  });

  test('rejects when it cannot be told', async () => {
    const life = createLife();
    await life.open();
    const [first, second] = [life.look(1), life.look(1)];
    hosts.last.say({ kind: 'looked', id: 1, hasChanged: true, failure: "Can't open file or directory" });
    await expect(first).rejects.toThrow("Can't open file or directory");
    hosts.last.die();
    await expect(second).rejects.toThrow('the libclamav process ended');
    await expect(life.look(1)).rejects.toThrow('started again');
  });
});

describe('what a host says', () => {
  test('goes to whoever listens', async () => {
    const life = createLife();
    await life.open();
    hosts.last.say({ kind: 'message', severity: 'warning', text: 'x' });
    hosts.last.say({ kind: 'progress', stage: 'loading', percent: 10 });
    expect(seen).toEqual(['message', 'progress']);
  });

  test('about what nobody asked for changes nothing', async () => {
    const life = createLife();
    await life.open();
    hosts.last.say({ kind: 'looked', id: 99, hasChanged: true });
    hosts.last.say({ kind: 'loadFailed', generation: 99, text: 'x' });
    hosts.last.say({ kind: 'refused', reason: 'late' });
    expect([seen, hosts.last.released, hosts.last.isKilled]).toEqual([[], [], false]);
  });
});
