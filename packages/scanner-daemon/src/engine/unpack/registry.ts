import { bzip2Unpacker } from './bzip2.js';
import { gzipUnpacker } from './gzip.js';
import { mailUnpacker } from './mail/mail.js';
import { ole2Unpacker } from './ole2/ole2.js';
import { sevenZipUnpacker } from './seven-zip.js';
import { tarUnpacker } from './tar.js';
import type { ContainerFormat, Unpacker } from './unpacker.js';
import { xzUnpacker } from './xz.js';
import { zipUnpacker } from './zip/zip.js';
import { zstdUnpacker } from './zstd.js';

/** Every container format that is opened. A new one is a file of its own and a row here. */
export const UNPACKERS: readonly Unpacker[] = [
  zipUnpacker,
  gzipUnpacker,
  bzip2Unpacker,
  xzUnpacker,
  zstdUnpacker,
  tarUnpacker,
  sevenZipUnpacker,
  ole2Unpacker,
  mailUnpacker,
];

const BY_FORMAT: ReadonlyMap<ContainerFormat, Unpacker> = new Map(
  UNPACKERS.map((unpacker) => [unpacker.format, unpacker]),
);

/** The unpacker of a format, or undefined where it is not opened. */
export function unpackerOf(format: ContainerFormat): Unpacker | undefined {
  return BY_FORMAT.get(format);
}
