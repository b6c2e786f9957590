import { messageOf } from '@portcullis/shared';
import { constants, emptyFileStatus, isErrno } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { decide } from '../policy/decide.js';
import type { Decision, Outcome } from '../policy/decide.js';
import { kernelCacheable } from '../policy/kernel-cacheable.js';
import { counterOf } from './counters.js';
import type { Counters } from './counters.js';
import type { FileKey } from './file-key.js';
import type { JudgedEvent } from './flights.js';
import type { HandOver } from './hand-over.js';
import type { Detection, GateEvent, GateSettings, JudgedFile } from './messages.js';
import type { OpenerFacts } from './opener-facts.js';

export interface AnswersDeps {
  readonly native: Pick<NativeApi, 'fanotify' | 'files'>;
  readonly settings: GateSettings;
  readonly counters: Counters;
  readonly facts: OpenerFacts;
  readonly handOver: HandOver;
  readonly tell: (event: GateEvent) => void;
}

/** What is known of the file besides its event. */
export interface AnsweredFile {
  /** As it was before it was judged; asked for where it is not given. */
  readonly key?: FileKey;
  /** Whether the main thread may get the descriptor, should the file be infected. */
  readonly offersFd?: boolean;
}

type UntoldDetection = Omit<Detection, 'commandLine' | 'cgroup' | 'container'>;

/** Tells the kernel, counts, and only then tells the main thread. */
export class Answers {
  readonly #deps: AnswersDeps;
  readonly #response = Buffer.alloc(8);
  readonly #status = emptyFileStatus();
  #untold: UntoldDetection[] = [];

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /**
   * Ends an event. Borrows its descriptor. An infected one is told of with {@link tellDetections}, which has to follow.
   *
   * @returns whether the main thread has the descriptor now: then it is not the caller's any more
   */
  answer(event: JudgedEvent, outcome: Outcome, file: AnsweredFile = {}): boolean {
    const { counters, facts, tell } = this.#deps;
    const decision = this.#decide(event, outcome, file.key);
    // The opener may be gone once it is answered, so what can be asked without waiting for it is asked before.
    const found =
      outcome.kind === 'infected' ? this.#describe(event, outcome.signatureName, decision) : undefined;
    const failurePath = outcome.kind === 'failed' ? facts.path(event.fd) : '';
    if (event.kind === 'permission') this.#respond(event, decision);
    counters.count(counterOf(outcome));
    if (outcome.kind === 'failed') {
      tell({ kind: 'failure', cause: outcome.cause, path: failurePath, pid: event.pid });
    }
    if (found === undefined) return false;
    const judged = this.#handOver(event, file);
    this.#untold.push(judged === undefined ? found : { ...found, judged });
    return judged !== undefined && judged.fd >= 0;
  }

  /**
   * Tells of the infected files since the last time, once everybody who waited is answered: what is still to be asked of an
   * opener is something that he can have us wait for. His command line is read under a lock of his memory (mmap_lock), which
   * he may hold. A process that ended quickly is gone.
   */
  tellDetections(): void {
    const { facts, tell } = this.#deps;
    for (const untold of this.#untold.splice(0)) {
      const { pid } = untold;
      const asked = { commandLine: facts.commandLine(pid), ...facts.cgroup(pid) };
      tell({ kind: 'detection', detection: { ...untold, ...asked } });
    }
  }

  #decide(event: JudgedEvent, outcome: Outcome, key: FileKey | undefined): Decision {
    const { settings, counters } = this.#deps;
    const decision = decide(outcome, settings.failurePolicy);
    if (decision === 'allow' || outcome.kind !== 'failed' || event.kind !== 'permission') return decision;
    if (!settings.lifeline || !this.#isLifeline(event, key)) return decision;
    counters.count('lifeline');
    return 'allow';
  }

  /** Root opens what only root can write: what the machine runs on, and what a failed client is stopped with. */
  #isLifeline(event: JudgedEvent, key: FileKey | undefined): boolean {
    try {
      if (key === undefined) this.#deps.native.files.status(event.fd, this.#status);
      return kernelCacheable(key ?? this.#status) && this.#deps.facts.uid(event.pid) === 0;
    } catch {
      return false;
    }
  }

  #respond(event: JudgedEvent, decision: Decision): void {
    const { native, counters, tell } = this.#deps;
    this.#response.writeInt32LE(event.fd, 0);
    this.#response.writeUInt32LE(decision === 'allow' ? constants.FAN_ALLOW : constants.FAN_DENY, 4);
    try {
      native.fanotify.respond(event.group, this.#response, 1);
    } catch (error) {
      counters.count('responseErrors');
      // The opener was killed while it waited: nobody is left to be answered.
      if (!isErrno(error, 'ENOENT'))
        tell({ kind: 'trouble', message: `answering the kernel: ${messageOf(error)}` });
    }
    if (decision === 'deny') counters.count('denied');
  }

  #describe(event: JudgedEvent, signatureName: string, decision: Decision): UntoldDetection {
    const { facts } = this.#deps;
    return {
      path: facts.path(event.fd),
      signatureName,
      pid: event.pid,
      executable: facts.executable(event.pid),
      uid: facts.uid(event.pid),
      decision: event.kind === 'permission' ? decision : 'notified',
    };
  }

  /** @returns undefined where the main thread has no use for the file */
  #handOver(event: JudgedEvent, file: AnsweredFile): JudgedFile | undefined {
    const { settings, handOver } = this.#deps;
    if (!settings.handOverInfected || file.offersFd !== true || file.key === undefined) return undefined;
    return { fd: handOver.take() ? event.fd : -1, file: file.key };
  }
}
