import { createRandom, drawInteger } from './random.js';

const blockBytes = 4 * 1024 * 1024;
const words = 'the open file was judged clean by its daemon and no reader waited long for an answer'.split(
  ' ',
);

/** Makes the bytes of a tree's files: reproducible, different in every file, never like any known malware. */
export interface ContentSource {
  /** @returns a view that is valid until the next call */
  contentOf(fileIndex: number, sizeBytes: number): Buffer;
}

/**
 * Two files of three are text, one is noise. Every file begins with its own line, so that no two are equal
 * and none begins like a container format that one side would unpack.
 *
 * @param seed - the same seed gives the same bytes
 */
export function createContentSource(seed: number): ContentSource {
  const text = textBlock(seed);
  const noise = noiseBlock(seed);
  const scratch = Buffer.alloc(blockBytes);
  return {
    contentOf(fileIndex, sizeBytes) {
      if (sizeBytes > blockBytes / 2)
        throw new RangeError(`file of ${sizeBytes} bytes is larger than planned`);
      const random = createRandom(seed * 1_000_003 + fileIndex);
      const block = fileIndex % 3 === 2 ? noise : text;
      const start = drawInteger(random, 0, blockBytes - sizeBytes);
      const content = scratch.subarray(0, sizeBytes);
      block.copy(content, 0, start, start + sizeBytes);
      content.write(`file ${fileIndex} of tree ${seed}\n`, 0, 'latin1');
      return content;
    },
  };
}

function textBlock(seed: number): Buffer {
  const random = createRandom(seed);
  const block = Buffer.alloc(blockBytes, ' ');
  for (let offset = 0; offset < blockBytes;) {
    const word = words[drawInteger(random, 0, words.length - 1)] ?? '';
    offset += block.write(word, offset, 'latin1') + 1;
    if (random() < 0.1) block[offset - 1] = 0x0a;
  }
  return block;
}

function noiseBlock(seed: number): Buffer {
  const random = createRandom(seed ^ 0x5eed);
  const block = new Uint32Array(blockBytes / 4);
  for (let index = 0; index < block.length; index += 1) block[index] = random() * 0x1_0000_0000;
  return Buffer.from(block.buffer);
}
