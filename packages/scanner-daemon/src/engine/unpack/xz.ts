import { unxz } from './libarchive/compressed-stream.js';
import { singleStreamUnpacker } from './single-stream.js';

/** xz: each stream is an entry. clamscan 1.4.6 scans the first alone. */
export const xzUnpacker = singleStreamUnpacker('xz', unxz);
