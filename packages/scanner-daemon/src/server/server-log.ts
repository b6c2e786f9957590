import type { Logger, ScanVerdict, WireText } from '@portcullis/shared';
import { assertNever, sanitize } from '@portcullis/shared';
import type { ClamdLog, ClamdLogSeverity } from '../logging/clamd-log.js';
import type { DaemonCounters } from '../stats/daemon-stats.js';
import { replyText, verdictFace } from './reply-text.js';
import type { PathProblem } from './scan-side.js';
import type { CloseReason } from './transport.js';

/** One finished scan, after it was answered. */
export interface ScanOutcome {
  /** A path, the target of a descriptor, or `instream(local)` (behaviour 2.8). */
  readonly name: WireText;
  /** The truth. */
  readonly verdict: ScanVerdict;
  /** What the client was told: an Alert* option may have made a detection of an incomplete scan. */
  readonly shown: ScanVerdict;
  /** ALLMATCHSCAN. */
  readonly allMatch?: boolean;
  readonly durationMs: number;
}

/** What the server tells the operator: JSON lines always, clamd's own lines too where there is a log for them (behaviour 2.8). */
export interface ServerLog {
  scanned(outcome: ScanOutcome): void;
  /** A path that is not going to be scanned. */
  notScanned(problem: PathProblem): void;
  /** A client broke the protocol and was told so. */
  violation(peerName: string, text: string): void;
  /** An INSTREAM wanted to be longer than StreamMaxLength. */
  streamTooLong(peerName: string, sizes: { requestedBytes: number; maxBytes: number }): void;
  clientClosed(peerName: string, reason: CloseReason, droppedScans: number): void;
  /** One of clamd's own lines about a listener, without its severity. */
  listener(severity: ClamdLogSeverity, text: string): void;
  /** Something went wrong on our side. */
  fault(error: unknown, what: string): void;
}

interface ServerLogOptions {
  readonly logger: Logger;
  readonly clamdLog: ClamdLog | undefined;
  readonly counters: DaemonCounters;
}

/** PATH_MAX, and room for escapes: clamd writes paths whole. */
const NAME_MAX_CHARACTERS = 8192;

/** One instance a server. Counts what it logs. */
export function createServerLog(options: ServerLogOptions): ServerLog {
  const { logger, clamdLog, counters } = options;
  return {
    scanned: createScanLog(options),
    notScanned(problem) {
      const name = cleanName(problem.path);
      logger.debug({ event: 'notScanned', name, reason: problem.kind }, 'not scanned');
      if (clamdLog !== undefined) writeProblem(clamdLog, problem.kind, name);
    },
    violation(peerName, text) {
      counters.protocolViolations += 1;
      logger.debug({ event: 'violation', peerName, text: sanitize(text) }, 'client broke the protocol');
    },
    streamTooLong(peerName, { requestedBytes, maxBytes }) {
      logger.warn({ event: 'streamTooLong', peerName, requestedBytes, maxBytes }, 'stream too long');
      clamdLog?.write(
        'warning',
        `INSTREAM: Size limit reached, (requested: ${requestedBytes}, max: ${maxBytes})`,
      );
    },
    clientClosed(peerName, reason, droppedScans) {
      if (reason === 'ended' && droppedScans === 0) return;
      counters.clientsGone += 1;
      counters.repliesDropped += droppedScans;
      logger.debug({ event: 'clientClosed', peerName, reason, droppedScans }, 'client disconnected');
      clamdLog?.write('verbose', `Client disconnected (${peerName})`);
    },
    listener(severity, text) {
      const level = severity === 'error' ? 'error' : severity === 'warning' ? 'warn' : 'info';
      logger[level]({ event: 'listener' }, sanitize(text));
      clamdLog?.write(severity, sanitize(text));
    },
    fault(error, what) {
      logger.error({ event: 'fault', err: error }, what);
      clamdLog?.write('error', what);
    },
  };
}

/** clamd says nothing about what ExcludePath and CrossFilesystems leave out. */
function writeProblem(clamdLog: ClamdLog, kind: PathProblem['kind'], name: string): void {
  switch (kind) {
    case 'checkFailed':
      clamdLog.write('warning', `File path check failure on: ${name}`);
      return;
    case 'notSupported':
      clamdLog.write('verbose', `Not supported file type: ${name}`);
      return;
    case 'accessDenied':
      clamdLog.write('verbose', `Access denied: ${name}`);
      return;
    case 'excluded':
    case 'otherFilesystem':
      return;
    default:
      assertNever(kind);
  }
}

function createScanLog({ logger, clamdLog, counters }: ServerLogOptions): ServerLog['scanned'] {
  return (outcome) => {
    const { verdict } = outcome;
    counters[verdict.kind] += 1;
    if (verdict.kind === 'clean' && clamdLog?.cleanFiles !== true && !logger.isLevelEnabled('debug')) return;
    const name = cleanName(outcome.name);
    logTruth(logger, name, outcome);
    if (clamdLog !== undefined) writeShown(clamdLog, name, outcome);
  };
}

/** One JSON line a scan. Its fields are part of the public contract. */
function logTruth(logger: Logger, name: string, { verdict, shown, durationMs }: ScanOutcome): void {
  const fields = { event: 'verdict', name, durationMs: Math.round(durationMs * 1000) / 1000 };
  switch (verdict.kind) {
    case 'clean':
      logger.debug({ ...fields, verdict: 'clean' }, 'clean');
      return;
    case 'infected': {
      const signatureNames = verdict.signatureNames.map((signature) => sanitize(signature));
      logger.info({ ...fields, verdict: 'infected', signatureNames, ...verdict.sample }, 'FOUND');
      return;
    }
    case 'incomplete': {
      // A cancelled scan has nobody left who waits for it.
      const level = verdict.reason === 'cancelled' ? 'debug' : 'info';
      const alert = shown.kind === 'infected' ? { alert: sanitize(shown.signatureNames[0]) } : {};
      const sample = 'sample' in verdict ? verdict.sample : undefined;
      logger[level](
        { ...fields, verdict: 'incomplete', reason: verdict.reason, ...alert, ...sample },
        'not scanned to the end',
      );
      return;
    }
    case 'failed':
      logger.warn({ ...fields, verdict: 'failed', message: sanitize(verdict.message) }, 'scan failed');
      return;
    default:
      assertNever(verdict);
  }
}

/** clamd's line says what the client was told (behaviour 2.8). */
function writeShown(clamdLog: ClamdLog, name: string, { shown, allMatch }: ScanOutcome): void {
  switch (shown.kind) {
    case 'clean':
      if (clamdLog.cleanFiles) clamdLog.write('info', `${name}: OK`);
      return;
    case 'infected':
      for (const signatureName of shown.signatureNames) {
        const { sample } = shown;
        const signature = sanitize(signatureName);
        if (sample !== undefined) {
          clamdLog.write('info', `${name}: ${signature}(${sample.md5}:${sample.sizeBytes}) FOUND`);
        }
        // With ExtendedDetectionInfo, clamd logs each match of ALLMATCHSCAN in both forms.
        if (sample === undefined || allMatch === true) clamdLog.write('info', `${name}: ${signature} FOUND`);
      }
      return;
    case 'incomplete':
      if (verdictFace(shown) === 'ok') {
        if (clamdLog.cleanFiles) clamdLog.write('info', `${name}: OK`);
        // The client was told OK, as by clamd; the log knows better.
        clamdLog.write('verbose', `${name}: not scanned to the end (${shown.reason})`);
      } else if (shown.reason === 'timeLimit') {
        // The other one is a cancelled scan: it was told to nobody.
        clamdLog.write('info', `${name}: ${replyText.timeLimit} ERROR`);
      }
      return;
    case 'failed':
      // clamd words this one as it words what its walk met.
      if (shown.message === replyText.accessDenied) writeProblem(clamdLog, 'accessDenied', name);
      else clamdLog.write('info', `${name}: ${sanitize(shown.message)} ERROR`);
      return;
    default:
      assertNever(shown);
  }
}

function cleanName(name: WireText): string {
  return sanitize(name, NAME_MAX_CHARACTERS);
}
