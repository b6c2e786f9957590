import { LIMIT_OPTIONS } from '@portcullis/shared';
import type { EncryptedContainer, ScanVerdict } from '@portcullis/shared';

/**
 * Which incomplete scans are shown as detections; `ClamdConfig.alerts` fits. HeuristicAlerts has no say in these: clamd
 * 1.4.6 shows them with `HeuristicAlerts no` too (observed).
 */
export interface AlertsConfig {
  /** AlertExceedsMax. */
  readonly exceedsMax: boolean;
  /** AlertEncrypted: archives and documents both. */
  readonly encrypted: boolean;
  /** AlertEncryptedArchive. */
  readonly encryptedArchive: boolean;
  /** AlertEncryptedDoc. */
  readonly encryptedDocument: boolean;
}

/** ClamAV's defaults (behaviour 3.4). */
export const NO_ALERTS: AlertsConfig = {
  exceedsMax: false,
  encrypted: false,
  encryptedArchive: false,
  encryptedDocument: false,
};

/**
 * What the client is told of a verdict: an incomplete one becomes a detection where an Alert* option asks for it. These
 * names never carry `.UNOFFICIAL` (observed). The truth stays with the caller, for logs and metrics.
 */
export function shownVerdict(verdict: ScanVerdict, alerts: AlertsConfig): ScanVerdict {
  if (verdict.kind !== 'incomplete') return verdict;
  if (verdict.reason === 'encrypted') {
    const { container, sample } = verdict;
    if (!alertsAbout(container, alerts)) return verdict;
    const signatureNames = [`Heuristics.Encrypted.${container.format}`] as const;
    return { kind: 'infected', signatureNames, ...(sample === undefined ? {} : { sample }) };
  }
  if (verdict.reason === 'cancelled' || !alerts.exceedsMax) return verdict;
  return {
    kind: 'infected',
    signatureNames: [`Heuristics.Limits.Exceeded.${LIMIT_OPTIONS[verdict.reason]}`],
  };
}

function alertsAbout({ kind }: EncryptedContainer, alerts: AlertsConfig): boolean {
  return alerts.encrypted || (kind === 'archive' ? alerts.encryptedArchive : alerts.encryptedDocument);
}
