import { bytesInput } from '../../engine.js';
import { ScanBudget, type ScanLimits } from '../../scan-budget.js';
import { unpackerOf } from '../registry.js';
import type { ContainerFormat, UnpackOutcome } from '../unpacker.js';

/** What came out of a container. */
export interface Unpacked {
  readonly outcome: UnpackOutcome;
  /** `name=content`, or `name encrypted`, in the order in which they came. */
  readonly entries: readonly string[];
  /** Bytes of all entries that the budget admitted. */
  readonly sizeBytes: number;
}

/** A budget with these limits alone, whose clock stands still unless one is given. */
export function budgetOf(limits: Partial<ScanLimits> = {}, nowMs: () => number = () => 0): ScanBudget {
  return new ScanBudget({
    limits: { maxFileSizeBytes: 0, maxScanSizeBytes: 0, deadlineAtMs: undefined, ...limits },
    nowMs,
  });
}

/** Unpacks one level, drawing on the budget as a scan does. */
export function unpackAll(
  format: ContainerFormat,
  container: Uint8Array,
  {
    budget = budgetOf(),
    stopAfter = Infinity,
  }: { readonly budget?: ScanBudget; readonly stopAfter?: number } = {},
): Unpacked {
  const unpacker = unpackerOf(format);
  if (unpacker === undefined) throw new Error(`no unpacker for ${format}`);
  const entries: string[] = [];
  let sizeBytes = 0;
  const outcome = unpacker.unpack(bytesInput(container), {
    budget,
    emit: (entry) => {
      const name = Buffer.from(entry.name).toString('latin1').replaceAll('\0', '');
      if (entry.position !== entries.length + 1) throw new Error(`position ${String(entry.position)}`);
      if (entry.isEncrypted) entries.push(`${name} encrypted`);
      else {
        const isAdmitted = budget.admitFile(entry.sizeBytes);
        const content = isAdmitted ? entry.input.read(0, entry.sizeBytes) : Buffer.alloc(0);
        if (isAdmitted) sizeBytes += entry.sizeBytes;
        entries.push(`${name}=${isAdmitted ? Buffer.from(content).toString('latin1') : '(refused)'}`);
      }
      return entries.length >= stopAfter ? 'stop' : 'continue';
    },
  });
  return { outcome, entries, sizeBytes };
}
