import { closeSync } from 'node:fs';
import type { ScanVerdict } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import { bytesInput, type Engine, type ScanInput } from '../engine/engine.js';
import { ScanBudget } from '../engine/scan-budget.js';
import { engineErrorText } from '../scheduler/engine-error-text.js';
import type { RequestSource } from '../scheduler/messages.js';
import { openPath } from './open-path.js';
import { withSample } from './sample-digest.js';
import { openFileInput, ReadScratch } from './scan-input.js';

/** The limits of every scan on this thread; Infinity = none. */
export interface ScanTaskLimits {
  /** MaxFileSize. */
  readonly fileMaxBytes: number;
  /** MaxScanSize. */
  readonly scanMaxBytes: number;
  /** MaxScanTime. */
  readonly scanTimeMaxMs: number;
  /** MaxFiles; undefined = none. */
  readonly filesMax?: number;
  /** MaxRecursion; undefined = none. */
  readonly recursionDepthMax?: number;
}

export interface SourceScannerOptions {
  readonly files: Pick<FileApi, 'readAt'>;
  readonly limits: ScanTaskLimits;
  /** FollowFileSymlinks. */
  readonly followFileSymlinks: boolean;
  /** ExtendedDetectionInfo: detections carry their MD5 and size. */
  readonly sampleDetections?: boolean;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}

interface SourceScanOptions {
  readonly allMatch: boolean;
  readonly isCancelled?: () => boolean;
}

/** Scans one source after the other on this thread. */
export type ScanSourceNow = (
  engine: Engine,
  source: RequestSource,
  options: SourceScanOptions,
) => ScanVerdict;

/**
 * What stands between a request and the engine: opens, reads, limits, and never lets a failing file become an
 * exception. An exception out of here is a bug in the engine.
 */
export function createSourceScanner(scanner: SourceScannerOptions): ScanSourceNow {
  const scratch = new ReadScratch();

  const judge = (engine: Engine, input: ScanInput, options: SourceScanOptions): ScanVerdict => {
    const { limits, nowMs } = scanner;
    const budget = new ScanBudget({
      limits: {
        maxFileSizeBytes: limits.fileMaxBytes,
        maxScanSizeBytes: limits.scanMaxBytes,
        maxFiles: limits.filesMax,
        maxRecursion: limits.recursionDepthMax,
        deadlineAtMs: Number.isFinite(limits.scanTimeMaxMs) ? nowMs() + limits.scanTimeMaxMs : undefined,
      },
      nowMs,
      ...(options.isCancelled === undefined ? {} : { isCancelled: options.isCancelled }),
    });
    const { verdict } = engine.scan(input, { allMatch: options.allMatch, budget });
    return scanner.sampleDetections === true ? withSample(verdict, input, budget) : verdict;
  };

  const judgeFd = (
    engine: Engine,
    fd: number,
    sizeBytes: number,
    options: SourceScanOptions,
  ): ScanVerdict => {
    if (sizeBytes === 0) return { kind: 'clean' };
    const input = openFileInput(scanner.files, fd, sizeBytes, scratch);
    const verdict = judge(engine, input, options);
    // What was found in the part that could be read stands; "clean" does not.
    if (input.failure === undefined || verdict.kind === 'infected') return verdict;
    return { kind: 'failed', message: engineErrorText.cantRead };
  };

  return (engine, source, options) => {
    switch (source.kind) {
      case 'memory':
        if (source.sizeBytes === 0) return { kind: 'clean' };
        return judge(engine, bytesInput(new Uint8Array(source.bytes, 0, source.sizeBytes)), options);
      case 'fd':
        return judgeFd(engine, source.fd, source.sizeBytes, options);
      case 'path': {
        const opened = openPath(source.path, scanner.followFileSymlinks);
        if (opened.kind === 'failed') return opened;
        try {
          return judgeFd(engine, opened.fd, opened.sizeBytes, options);
        } finally {
          closeSync(opened.fd);
        }
      }
    }
  };
}
