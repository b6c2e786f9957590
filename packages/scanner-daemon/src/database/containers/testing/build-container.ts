import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CVD_HEADER_BYTES } from '../../cvd-header.js';
import type { ContainerKeys, RsaPublicKey } from '../clamav-keys.js';

const DIGITS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/';
const PSS_DATA_BYTES = 223;

/** The name and the content of a file in a container. */
export type Entry = readonly [name: string, content: string];

interface PrivateKey extends RsaPublicKey {
  readonly privateExponent: bigint;
}

/** Keys of a test, with which it can make what ClamAV alone can make for the real ones. */
export interface TestKeys extends ContainerKeys {
  readonly header: PrivateKey;
  readonly info: PrivateKey;
}

/** Makes keys: a second of work at most. */
export function makeTestKeys(): TestKeys {
  return { header: makeKey(1024), info: makeKey(2048) };
}

/** How a container of a test differs from a sound one. */
export interface ContainerOptions {
  readonly keys?: TestKeys;
  readonly gzip?: boolean;
  readonly version?: number;
  /** Fields of the header that differ from what is signed and from `.info`: by their number. */
  readonly header?: Readonly<Record<number, string>>;
  /** Instead of the `.info` that belongs to the entries; null: none. */
  readonly info?: string | null;
}

/** A sound container of the entries: signed where there are keys, fit to be a `.cud` where there are none. */
export function buildContainer(entries: readonly Entry[], options: ContainerOptions = {}): Buffer {
  const { keys, gzip = true, version = 7, header = {} } = options;
  const info = options.info === undefined ? buildInfo(entries, { keys, version }) : options.info;
  const tar = buildTar(info === null ? entries : [['test.info', info], ...entries]);
  const body = gzip ? gzipSync(tar) : tar;
  const md5 = createHash('md5').update(body).digest('hex');
  const signature = keys === undefined ? 'x' : encodeNumber(sign(BigInt(`0x${md5}`), keys.header));
  const fields = headerFields(version, md5, signature);
  for (const [index, text] of Object.entries(header)) fields[Number(index)] = text;
  return Buffer.concat([Buffer.from(fields.join(':').padEnd(CVD_HEADER_BYTES), 'latin1'), body]);
}

/** The `.info` of the entries. */
export function buildInfo(
  entries: readonly Entry[],
  { keys, version = 7 }: { readonly keys?: TestKeys | undefined; readonly version?: number } = {},
): string {
  const lines = entries.map(([name, content]) => {
    const sha256 = createHash('sha256').update(content, 'latin1').digest('hex');
    return `${name}:${content.length}:${sha256}\n`;
  });
  const text = `${headerFields(version, 'X', 'X').join(':')}\n${lines.join('')}`;
  return keys === undefined ? text : `${text}DSIG:${signText(text, keys.info)}\n`;
}

/** A plain archive. */
export function buildTar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100, 'latin1');
    header.write(content.length.toString(8).padStart(11, '0'), 124, 'latin1');
    header.write('0', 156, 'latin1');
    const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    padded.write(content, 'latin1');
    return [header, padded];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function headerFields(version: number, md5: string, signature: string): string[] {
  const count = '1';
  return [
    'ClamAV-VDB',
    '01 Jan 2026 00-00 +0000',
    String(version),
    count,
    '90',
    md5,
    signature,
    'tester',
    '1767225600',
  ];
}

function makeKey(bits: number): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const { n = '', e = '', d = '' } = privateKey.export({ format: 'jwk' });
  const numberOf = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  return { modulus: numberOf(n), exponent: numberOf(e), privateExponent: numberOf(d) };
}

function signText(text: string, key: PrivateKey): string {
  const salt = randomBytes(32);
  const digest = createHash('sha256').update(text, 'latin1').digest();
  const hash = createHash('sha256').update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const data = Buffer.concat([Buffer.alloc(PSS_DATA_BYTES - 33), Buffer.from([1]), salt]);
  for (let counter = 0; counter * 32 < data.length; counter++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(counter);
    const mask = createHash('sha256').update(hash).update(number).digest();
    const start = counter * 32;
    data
      .subarray(start, start + 32)
      .forEach((byte, index) => (data[start + index] = byte ^ (mask[index] ?? 0)));
  }
  data[0] = (data[0] ?? 0) & 0x7f;
  const encoded = Buffer.concat([data, hash, Buffer.from([0xbc])]);
  return encodeNumber(sign(BigInt(`0x${encoded.toString('hex')}`), key));
}

function sign(number: bigint, { modulus, privateExponent }: PrivateKey): bigint {
  let result = 1n;
  let square = number;
  for (let rest = privateExponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function encodeNumber(number: bigint): string {
  let text = '';
  for (let rest = number; rest > 0n; rest >>= 6n) text += DIGITS.charAt(Number(rest & 63n));
  return text;
}
