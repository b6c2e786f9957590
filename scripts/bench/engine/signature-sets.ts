import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { eicarHashSignature } from '../probes.js';
import { createRandom, drawInteger } from '../random.js';

const linesPerWrite = 50_000;
/** Of MD5, in hexadecimal. */
const digestDigits = 32;
/** With many more different sizes libclamav 1.4.6 runs into a limit of its own, and says so once a signature. */
const sizeMaxBytes = 1_000_000;

/** Writes every n-th line of each file of a signature directory into a new one. Files of which nothing is left are left out. */
export function makeShare(from: string, to: string, everyNth: number): string {
  mkdirSync(to, { mode: 0o755 });
  for (const name of readdirSync(from)) {
    const lines = readFileSync(join(from, name), 'latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const share = lines.filter((_, index) => index % everyNth === 0);
    if (share.length > 0)
      writeFileSync(join(to, name), `${share.join('\n')}\n`, { encoding: 'latin1', mode: 0o644 });
  }
  return to;
}

/** A new directory with a single signature. */
export function makeOneSignature(to: string): string {
  mkdirSync(to, { mode: 0o755 });
  writeFileSync(join(to, 'one.hdb'), `${eicarHashSignature()}\n`, { mode: 0o644 });
  return to;
}

/** A new directory with one `.hdb` of so many MD5 hashes that occur nowhere; 57 bytes a line. */
export function makeManyHashes(to: string, count: number): string {
  mkdirSync(to, { mode: 0o755 });
  const file = openSync(join(to, 'many.hdb'), 'w', 0o644);
  try {
    const random = createRandom(count);
    for (let first = 0; first < count; first += linesPerWrite) {
      const lineCount = Math.min(linesPerWrite, count - first);
      const words = new Uint32Array(lineCount * 4);
      for (let index = 0; index < words.length; index += 1) words[index] = random() * 2 ** 32;
      const digests = Buffer.from(words.buffer).toString('hex');
      const lines = Array.from({ length: lineCount }, (_, index) => {
        const digest = digests.slice(index * digestDigits, (index + 1) * digestDigits);
        return `${digest}:${drawInteger(random, 1, sizeMaxBytes)}:Bench.Many-${first + index}\n`;
      });
      writeSync(file, lines.join(''));
    }
  } finally {
    closeSync(file);
  }
  return to;
}
