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
import type { Detection, GateEvent, GateSettings } from './messages.js';
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

/** Tells the kernel, counts, and only then tells the main thread. */
export class Answers {
  readonly #deps: AnswersDeps;
  readonly #response = Buffer.alloc(8);
  readonly #status = emptyFileStatus();

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /**
   * Ends an event. Borrows its descriptor.
   *
   * @returns whether the main thread has the descriptor now: then it is not the caller's any more
   */
  answer(event: JudgedEvent, outcome: Outcome, file: AnsweredFile = {}): boolean {
    const { counters, facts, tell } = this.#deps;
    const decision = this.#decide(event, outcome, file.key);
    // The opener may be gone once it is answered, so what the log wants to know of it is asked before.
    const detection =
      outcome.kind === 'infected' ? this.#describe(event, outcome.signatureName, decision) : undefined;
    const failurePath = outcome.kind === 'failed' ? facts.path(event.fd) : '';
    if (event.kind === 'permission') this.#respond(event, decision);
    counters.count(counterOf(outcome));
    if (outcome.kind === 'failed') {
      tell({ kind: 'failure', cause: outcome.cause, path: failurePath, pid: event.pid });
    }
    return detection !== undefined && this.#tellDetection(event, detection, file);
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

  #describe(event: JudgedEvent, signatureName: string, decision: Decision): Omit<Detection, 'judged'> {
    const { facts } = this.#deps;
    return {
      path: facts.path(event.fd),
      signatureName,
      pid: event.pid,
      executable: facts.executable(event.pid),
      commandLine: facts.commandLine(event.pid),
      ...facts.cgroup(event.pid),
      uid: facts.uid(event.pid),
      decision: event.kind === 'permission' ? decision : 'notified',
    };
  }

  #tellDetection(event: JudgedEvent, detection: Omit<Detection, 'judged'>, file: AnsweredFile): boolean {
    const { settings, handOver, tell } = this.#deps;
    if (!settings.handOverInfected || file.offersFd !== true || file.key === undefined) {
      tell({ kind: 'detection', detection });
      return false;
    }
    const taken = handOver.take();
    tell({
      kind: 'detection',
      detection: { ...detection, judged: { fd: taken ? event.fd : -1, file: file.key } },
    });
    return taken;
  }
}
