import { closeSync, fstatSync, readSync } from 'node:fs';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import type { LibclamavSettings } from '../../engine/libclamav/engine-settings.js';
import type { FromHost, ToHost } from '../../libclamav-host/control-messages.js';
import { decodeRequest, encodeReply, LANE_READY, type LaneRequest } from '../../libclamav-host/lane-wire.js';
import type { HostEvents, StartHost } from '../host-connection.js';

const TEXT_BYTES_MAX = 4096;

export const PLAIN_SETTINGS: LibclamavSettings = {
  numbers: [],
  strings: [],
  databaseOptions: 0,
  scanOptions: { general: 0, parse: 0, heuristic: 0, mail: 0, dev: 0 },
  debug: false,
};

/** A request, and the text of the file that came with it. */
export interface SeenRequest extends LaneRequest {
  readonly text: string | undefined;
}

/** For tests: the far end of one lane, which does what it is told to, over a real socket. */
export class ScriptedLane {
  readonly seen: SeenRequest[] = [];
  /** The reply to each request; undefined: none. */
  answer: (request: SeenRequest) => Buffer | undefined = ({ jobId }) =>
    encodeReply({ jobId, verdict: { kind: 'clean' } });
  readonly #native: NativeApi;
  readonly #poll: PollHandle;
  #fd: number | undefined;

  /** @param fd now its own */
  constructor(native: NativeApi, fd: number) {
    this.#native = native;
    this.#fd = fd;
    native.sockets.adopt(fd);
    this.#poll = native.poller.watch(fd, { readable: true, writable: false }, () => {
      this.#read(fd);
    });
  }

  ready(): void {
    this.send(encodeReply(LANE_READY));
  }

  send(packet: Buffer): void {
    if (this.#fd !== undefined) this.#native.sockets.send(this.#fd, packet);
  }

  close(): void {
    this.#poll.close();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(fd: number): void {
    const message = this.#native.sockets.receive(fd);
    if (message === undefined) return;
    if (message.bytes.byteLength === 0) {
      this.#poll.close();
      return;
    }
    const request = decodeRequest(Buffer.from(message.bytes));
    const [passed] = message.fds;
    const seen = { ...request, text: passed === undefined ? undefined : textOf(passed) };
    for (const each of message.fds) closeSync(each);
    this.seen.push(seen);
    const reply = this.answer(seen);
    if (reply !== undefined) this.send(reply);
  }
}

function textOf(fd: number): string {
  const into = Buffer.alloc(Math.min(fstatSync(fd).size, TEXT_BYTES_MAX));
  return into.toString('latin1', 0, readSync(fd, into, 0, into.byteLength, 0));
}

/** What a scripted host does by itself; a test does the rest by hand. */
export interface HostScript {
  /** Answer to `open`. */
  opens: 'opened' | 'refused' | 'nothing';
  /** Answer to `load`. */
  loads: 'loaded' | 'fails' | 'nothing';
  /** Its scan threads say that they serve. */
  lanesServe: boolean;
  /** It ends when it is killed. */
  dies: boolean;
}

/** For tests: one life of a host. */
export class ScriptedLife {
  readonly sent: ToHost[] = [];
  readonly lanes: readonly ScriptedLane[];
  readonly #script: HostScript;
  readonly #events: HostEvents;
  isKilled = false;
  #isGone = false;

  constructor(script: HostScript, events: HostEvents, lanes: readonly ScriptedLane[]) {
    this.#script = script;
    this.#events = events;
    this.lanes = lanes;
  }

  get released(): readonly number[] {
    return this.sent.flatMap((message) => (message.kind === 'release' ? [message.generation] : []));
  }

  say(message: FromHost): void {
    this.#events.onMessage(message);
  }

  loaded(generation: number): void {
    this.say({
      kind: 'loaded',
      database: { generation, signatureCount: 1, version: 0, versionBuiltAtSeconds: 0 },
    });
  }

  die(how = 'ended (SIGKILL)'): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const lane of this.lanes) lane.close();
    this.#events.onGone(how);
  }

  take(message: ToHost): void {
    if (this.#isGone) return;
    this.sent.push(message);
    // What a process answers comes later.
    setImmediate(() => {
      if (!this.#isGone) this.#answer(message);
    });
  }

  kill(): void {
    this.isKilled = true;
    setImmediate(() => {
      if (this.#script.dies) this.die();
    });
  }

  #answer(message: ToHost): void {
    const { opens, loads, lanesServe } = this.#script;
    if (message.kind === 'open' && opens === 'opened') {
      this.say({
        kind: 'opened',
        library: { name: 'scripted.so', version: '9.9.9', functionalityLevel: 999 },
      });
      if (lanesServe) for (const lane of this.lanes) lane.ready();
    } else if (message.kind === 'open' && opens === 'refused') {
      this.say({ kind: 'refused', reason: 'there is none' });
    } else if (message.kind === 'load' && loads === 'loaded') {
      this.loaded(message.generation);
    } else if (message.kind === 'load' && loads === 'fails') {
      this.say({
        kind: 'loadFailed',
        generation: message.generation,
        text: 'Malformed database',
        path: '/db',
      });
    }
  }
}

/** For tests: a way to start hosts that are scripted, with real sockets. */
export class ScriptedHosts {
  readonly script: HostScript = { opens: 'opened', loads: 'loaded', lanesServe: true, dies: true };
  readonly lives: ScriptedLife[] = [];
  /** The next start fails with this. */
  startError: Error | undefined;
  readonly start: StartHost;

  constructor(native: NativeApi) {
    this.start = (lanes, events) => {
      if (this.startError !== undefined) throw this.startError;
      const pairs = Array.from({ length: lanes }, () => native.sockets.pairOfPackets());
      for (const [ours] of pairs) native.sockets.adopt(ours);
      const life = new ScriptedLife(
        this.script,
        events,
        pairs.map(([, theirs]) => new ScriptedLane(native, theirs)),
      );
      this.lives.push(life);
      return {
        pid: undefined,
        laneFds: pairs.map(([ours]) => ours),
        hostLaneFds: pairs.map(([, theirs]) => theirs),
        send: life.take.bind(life),
        kill: life.kill.bind(life),
      };
    };
  }

  get last(): ScriptedLife {
    const life = this.lives.at(-1);
    if (life === undefined) throw new Error('no host was started');
    return life;
  }

  close(): void {
    for (const life of this.lives) life.die();
  }
}
