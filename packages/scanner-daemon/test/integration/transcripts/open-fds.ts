import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeApi } from '@portcullis/shared/native';
import { EICAR } from '../daemon-process.js';
import type { Site } from '../daemon-process.js';
import type { FdKind } from './script.js';

const O_PATH = 0o10000000;

/** One descriptor of each kind, to be passed as often as a script wants to. */
export interface OpenFds {
  readonly numbers: Readonly<Record<FdKind, number>>;
  close(): void;
}

/** @param site - with its tree built */
export function openFds(site: Site, native: NativeApi): OpenFds {
  const open = (name: string, flags: number = constants.O_RDONLY): number =>
    openSync(join(site.root, name), flags);
  const deleted = site.put('to-be-deleted', EICAR);
  const socket = native.sockets.createUnix();
  const numbers = {
    clean: open('clean'),
    infected: open('eicar'),
    empty: open('empty'),
    deleted: open('to-be-deleted'),
    directory: open('good'),
    fifo: open('fifo', constants.O_RDWR | constants.O_NONBLOCK),
    device: openSync('/dev/null', 'r'),
    proc: openSync('/proc/version', 'r'),
    writeOnly: open('eicar', constants.O_WRONLY),
    pathOnly: open('eicar', O_PATH),
  };
  unlinkSync(deleted);
  return {
    numbers: { ...numbers, socket },
    close() {
      for (const fd of Object.values(numbers)) closeSync(fd);
      native.files.close(socket);
    },
  };
}
