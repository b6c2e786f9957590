import type { ScanOutcome } from './server-log.js';
import type { ServerServices } from './server-services.js';

/** Tells the log, and whoever waits for detections, of a scan that was answered. */
export function reportScan({ log, onDetection }: ServerServices, outcome: ScanOutcome): void {
  log.scanned(outcome);
  if (outcome.shown.kind !== 'infected') return;
  try {
    onDetection(outcome);
  } catch (error) {
    log.fault(error, 'a detection could not be reported');
  }
}
