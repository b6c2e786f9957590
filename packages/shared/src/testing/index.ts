// The door for tests: needs Jest, and no product code comes through it.
export { FakeNative } from '../native/fake-native.js';
export type { FakeNativeOptions } from '../native/fake-native.js';
export type { HeldFile, OpenerOptions, OpenOutcome } from '../native/fake-opener.js';
export { byteByByte, randomCuts } from './random-cuts.js';
export { describeIfFanotify, describeOrSkip } from './root-only.js';
export { makeTempDir } from './temp-dir.js';
export type { TempDir } from './temp-dir.js';
