import type { BodyBoundary } from '../model/body-pattern.js';
import { BOUNDARY_KINDS } from '../readers/boundary-rules.js';

/** Every kind of boundary, plain and negated, as the compiled tables number them. */
export const BOUNDARIES: readonly Pick<BodyBoundary, 'kind' | 'negated'>[] = BOUNDARY_KINDS.flatMap(
  (kind) => [
    { kind, negated: false },
    { kind, negated: true },
  ],
);

/** The index of a boundary's kind in {@link BOUNDARIES}. */
export function boundaryRule({ kind, negated }: BodyBoundary): number {
  return BOUNDARY_KINDS.indexOf(kind) * 2 + (negated ? 1 : 0);
}
