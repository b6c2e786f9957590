import type { NumberRange, TargetConditions } from '../../../database/model/logical-signature.js';
import { isContainerType } from '../../file-types/refine-zip-type.js';
import type { ScanSubject } from './scan-subject.js';

const ANY_TYPE = 'CL_TYPE_ANY';
/** What `Container:CL_TYPE_ANY` asks for: a file of its own (observed). */
const NO_CONTAINER = ANY_TYPE;

/** Whether the file is what a signature's target description block asks for, its target apart. */
export function conditionsHold(conditions: TargetConditions, subject: ScanSubject): boolean {
  const { fileSizeBytes, entryPoint, sectionCount, container, intermediates } = conditions;
  if (!isWithin(fileSizeBytes, subject.reader.input.sizeBytes)) return false;
  if (container !== undefined && !isContainerType(subject.containers.at(-1) ?? NO_CONTAINER, container))
    return false;
  if (intermediates.length > 0 && !endsWith(subject.containers, intermediates)) return false;
  if (entryPoint !== undefined && !isWithin(entryPoint, subject.layout()?.entryPointOffset)) return false;
  return sectionCount === undefined || isWithin(sectionCount, subject.layout()?.sections.length);
}

function isWithin(range: NumberRange | undefined, number: number | undefined): boolean {
  if (range === undefined) return true;
  return number !== undefined && number >= range.min && number <= range.max;
}

function endsWith(containers: readonly string[], wanted: readonly string[]): boolean {
  const from = containers.length - wanted.length;
  return (
    from >= 0 &&
    wanted.every((type, index) => type === ANY_TYPE || isContainerType(containers[from + index] ?? '', type))
  );
}
