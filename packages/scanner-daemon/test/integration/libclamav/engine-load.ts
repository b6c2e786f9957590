import { readFileSync } from 'node:fs';
import { ask, instream, type Site } from '../daemon-process.js';
import { pauseMs } from '../server-harness.js';
import { fildes } from './engine-site.js';

const PING_EVERY_MS = 50;

/** A file that clients send over and over, and what is known of it. */
export interface LoadFile {
  readonly path: string;
  readonly isInfected: boolean;
}

/** What clients were answered. */
export interface Answer extends LoadFile {
  readonly reply: string;
}

/** Clients that ask without a pause, each question on a connection of its own. */
export interface Load {
  /** In the order in which they came. */
  readonly answers: readonly Answer[];
  /** Questions that have no answer yet. */
  readonly pending: number;
  /** Ends it. Rejects where one question was not answered, or a PING. */
  stop(): Promise<void>;
}

/** So many connections with files, half of them by descriptor and half uploaded, and one with PING. */
export function startLoad(site: Site, files: readonly LoadFile[], connections: number): Load {
  const answers: Answer[] = [];
  let pending = 0;
  let isOver = false;
  const client = async (number: number): Promise<void> => {
    for (let turn = number; !isOver; turn += 1) {
      const file = files[turn % files.length];
      if (file === undefined) return;
      pending += 1;
      const reply = await (number % 2 === 0
        ? fildes(site.socketPath, file.path)
        : ask(site.tcpPort, instream(readFileSync(file.path))));
      pending -= 1;
      answers.push({ ...file, reply: reply.replace(/^stream: /, '').replace('\0', '') });
    }
  };
  const pinger = async (): Promise<void> => {
    while (!isOver) {
      const reply = await ask(site.socketPath, 'zPING\0');
      if (reply !== 'PONG\0') throw new Error(`PING was answered ${JSON.stringify(reply)}`);
      await pauseMs(PING_EVERY_MS);
    }
  };
  const clients = [pinger(), ...Array.from({ length: connections }, (_, number) => client(number))];
  const ended = Promise.all(clients);
  // It is looked at in stop().
  ended.catch(() => undefined);
  return {
    answers,
    get pending() {
      return pending;
    },
    async stop() {
      isOver = true;
      await ended;
    },
  };
}

/** Answers that say of a file what is not so; an error is none of them. */
export function wrongOnes(answers: readonly Answer[]): Answer[] {
  return answers.filter(
    ({ isInfected, reply }) => !reply.endsWith('ERROR') && reply.endsWith('FOUND') !== isInfected,
  );
}

/** Answers that say nothing of a file. */
export function failedOnes(answers: readonly Answer[]): Answer[] {
  return answers.filter(({ reply }) => !/ FOUND$|^OK$/.test(reply));
}
