import { bunzip2 } from './libarchive/compressed-stream.js';
import { singleStreamUnpacker } from './single-stream.js';

/** bzip2: each stream is an entry. clamscan 1.4.6 scans the first alone. */
export const bzip2Unpacker = singleStreamUnpacker('bzip2', bunzip2);
