import type { Logger, ScanVerdict, WireText } from '@portcullis/shared';
import { assertNever, sanitize } from '@portcullis/shared';
import type { ClamdLog, ClamdLogSeverity } from '../logging/clamd-log-file.js';
import type { DaemonCounters } from '../stats/daemon-stats.js';
import type { CloseReason } from './transport.js';

/** One finished scan, after it was answered. */
export interface ScanOutcome {
  /** A path, the target of a descriptor, or `instream(local)` (behaviour 2.8). */
  readonly name: WireText;
  /** The truth. */
  readonly verdict: ScanVerdict;
  /** What the client was told: an Alert* option may have made a detection of an incomplete scan. */
  readonly shown: ScanVerdict;
  readonly durationMs: number;
}

/** What the server tells the operator: JSON lines always, clamd's own lines too where LogFile is set (behaviour 2.8). */
export interface ServerLog {
  scanned(outcome: ScanOutcome): void;
  /** A client broke the protocol and was told so. */
  violation(peerName: string, text: string): void;
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

/** One instance a server. Counts what it logs. */
export function createServerLog(options: ServerLogOptions): ServerLog {
  const { logger, clamdLog, counters } = options;
  return {
    scanned: createScanLog(options),
    violation(peerName, text) {
      counters.protocolViolations += 1;
      logger.debug({ event: 'violation', peerName, text: sanitize(text) }, 'client broke the protocol');
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

function createScanLog({ logger, clamdLog, counters }: ServerLogOptions): ServerLog['scanned'] {
  return ({ name, verdict, durationMs }) => {
    counters[verdict.kind] += 1;
    if (verdict.kind === 'clean' && clamdLog?.cleanFiles !== true && !logger.isLevelEnabled('debug')) return;
    const shown = sanitize(name);
    const fields = { event: 'verdict', name: shown, durationMs: Math.round(durationMs * 1000) / 1000 };
    switch (verdict.kind) {
      case 'clean':
        logger.debug({ ...fields, verdict: 'clean' }, 'clean');
        if (clamdLog?.cleanFiles === true) clamdLog.write('info', `${shown}: OK`);
        return;
      case 'infected': {
        const signatureNames = verdict.signatureNames.map((signature) => sanitize(signature));
        logger.info({ ...fields, verdict: 'infected', signatureNames }, 'FOUND');
        for (const signature of signatureNames) clamdLog?.write('info', `${shown}: ${signature} FOUND`);
        return;
      }
      case 'incomplete':
        // A cancelled scan has nobody left who waits for it.
        logger[verdict.reason === 'cancelled' ? 'debug' : 'info'](
          { ...fields, verdict: 'incomplete', reason: verdict.reason },
          'not scanned to the end',
        );
        return;
      case 'failed': {
        const message = sanitize(verdict.message);
        logger.warn({ ...fields, verdict: 'failed', message }, 'scan failed');
        clamdLog?.write('info', `${shown}: ${message} ERROR`);
        return;
      }
      default:
        assertNever(verdict);
    }
  };
}
