import { closeSync, fstatSync } from 'node:fs';
import type { ScanVerdict } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import type { ScanInput } from '../engine/engine.js';
import type { ScanCalls, ScanOptionWords } from '../engine/libclamav/binding.js';
import { SCAN_GENERAL, SCAN_HEURISTIC } from '../engine/libclamav/engine-fields.js';
import type { LibclamavSettings } from '../engine/libclamav/engine-settings.js';
import { ScanBudget } from '../engine/scan-budget.js';
import { engineErrorText } from '../scheduler/engine-error-text.js';
import { openPath } from '../worker/open-path.js';
import { withSample } from '../worker/sample-digest.js';
import { openFileInput, ReadScratch } from '../worker/scan-input.js';
import { judgeAll, judgeFirst, type ScanOutcome } from './judge.js';
import type { LaneRequest } from './lane-wire.js';

export interface LaneScanOptions {
  readonly calls: ScanCalls;
  readonly files: Pick<FileApi, 'readAt'>;
  readonly settings: LibclamavSettings;
  readonly followFileSymlinks: boolean;
  readonly sampleDetections: boolean;
  /** The engine of a generation. */
  readonly engineOf: (generation: number) => bigint;
  /** What EngineListeners.onVirusFound gets for scans of this thread. */
  readonly context: number;
  /** The names that the scan just made has found, in their order. */
  readonly takeNames: () => readonly string[];
}

/** Scans one request on this thread. @param fd borrowed; undefined where the request names a path. */
export type LaneScan = (request: LaneRequest, fd: number | undefined) => ScanVerdict;

/** Between a request and libclamav: opens, calls, and makes a verdict of what comes back. */
export function createLaneScan(options: LaneScanOptions): LaneScan {
  const scratch = new ReadScratch();
  const firstByte = new Uint8Array(1);
  const { calls, files, settings } = options;
  const words = wordsOf(settings.scanOptions);

  const isReadable = (fd: number): boolean => {
    try {
      return files.readAt(fd, firstByte, 0) > 0;
    } catch {
      return false;
    }
  };
  const scanFd = (request: LaneRequest, fd: number, sizeBytes: number): ScanVerdict => {
    if (sizeBytes === 0) return { kind: 'clean' };
    // A descriptor that cannot be read is clean to libclamav (seen with 1.4.6).
    if (!isReadable(fd)) return { kind: 'failed', message: engineErrorText.cantRead };
    const { generation, allMatch, path } = request;
    const name = path === undefined ? null : Buffer.concat([path, NUL]);
    const engine = options.engineOf(generation);
    const scanWith = (scanOptions: ScanOptionWords): ScanOutcome => {
      const result = calls.scan(fd, name, { engine, options: scanOptions, context: options.context });
      return { ...result, names: options.takeNames() };
    };
    const verdict = allMatch
      ? judgeAll(scanWith(words.all), { hidesLimits: words.hidesLimits, errorText: calls.errorText })
      : judgeFirst(() => scanWith(words.first), {
          scanWithoutLimits: words.hidesLimits ? () => scanWith(words.withoutLimits) : undefined,
          errorText: calls.errorText,
        });
    return options.sampleDetections ? withSample(verdict, inputOf(fd, sizeBytes), unlimited()) : verdict;
  };
  const inputOf = (fd: number, sizeBytes: number): ScanInput => openFileInput(files, fd, sizeBytes, scratch);

  return (request, fd) => {
    if (fd !== undefined) return scanFd(request, fd, fstatSync(fd).size);
    // Without either, the descriptor was lost on the way: no slot was free for it.
    if (request.path === undefined) return { kind: 'failed', message: engineErrorText.cantOpen };
    const opened = openPath(request.path, options.followFileSymlinks);
    if (opened.kind === 'failed') return opened;
    try {
      return scanFd(request, opened.fd, opened.sizeBytes);
    } finally {
      closeSync(opened.fd);
    }
  };
}

/**
 * The words of the scans. Where AlertExceedsMax is off, libclamav is asked for its alerts all the same, since nothing else
 * tells that a scan ended at a limit; they are not shown. With HeuristicScanPrecedence such an alert would end the scan
 * before a signature is found, so that it is not asked then, and limits stay untold, as with clamd.
 */
function wordsOf(configured: ScanOptionWords): {
  readonly first: ScanOptionWords;
  readonly withoutLimits: ScanOptionWords;
  readonly all: ScanOptionWords;
  readonly hidesLimits: boolean;
} {
  const alertsAreWanted = (configured.heuristic & SCAN_HEURISTIC.exceedsMax) !== 0;
  const precedes = (configured.general & SCAN_GENERAL.heuristicPrecedence) !== 0;
  const hidesLimits = !alertsAreWanted && !precedes;
  const asked = hidesLimits
    ? { ...configured, heuristic: configured.heuristic | SCAN_HEURISTIC.exceedsMax }
    : configured;
  return {
    first: asked,
    withoutLimits: configured,
    all: { ...asked, general: asked.general | SCAN_GENERAL.allMatches },
    hidesLimits,
  };
}

function unlimited(): ScanBudget {
  return new ScanBudget({
    limits: { maxFileSizeBytes: Infinity, maxScanSizeBytes: Infinity, deadlineAtMs: undefined },
    nowMs: () => performance.now(),
  });
}

const NUL = Buffer.alloc(1);
