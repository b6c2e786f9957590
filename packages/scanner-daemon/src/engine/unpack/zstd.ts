import { unzstd } from './codecs/unzstd.js';
import { singleStreamUnpacker } from './single-stream.js';

/** zstd: all frames as one entry. clamscan 1.4.6 does not open it. */
export const zstdUnpacker = singleStreamUnpacker('zstd', unzstd);
