import type { ExecutableLayout } from '../../executables/executable-layout.js';
import type { WindowReader } from '../matcher/window-reader.js';
import type { WorkMeter } from '../matcher/work-meter.js';

/** What signatures are evaluated against: one file, one entry of a container, or one normalised form. */
export interface ScanSubject {
  readonly reader: WindowReader;
  readonly meter: WorkMeter;
  /** The headers of an executable, read when first asked for; undefined for what is none. */
  readonly layout: () => ExecutableLayout | undefined;
  /** `CL_TYPE_…` of what it lies in, from the outermost to the innermost; empty for a file of its own. */
  readonly containers: readonly string[];
}
