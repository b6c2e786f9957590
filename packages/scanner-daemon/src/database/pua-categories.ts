/** DetectPUA with its categories; at most one of the lists may be set. */
export interface PuaCategories {
  /** ExcludePUA */
  readonly exclude?: readonly string[];
  /** IncludePUA */
  readonly include?: readonly string[];
}

const PREFIX = 'PUA.';

/**
 * Makes the rule by which signatures of PUA databases (`.hdu`, `.ndu`, …) are taken, by their names
 * `PUA.category….rest`. As clamd 1.4.6 (observed): with a list, names without a category are left out either way; and several
 * categories are one text (`.Win.Packed.`), so that they stand for a category with a subcategory, not for two.
 *
 * @returns undefined when all are taken.
 */
export function createPuaRule({
  exclude = [],
  include = [],
}: PuaCategories): ((name: string) => boolean) | undefined {
  const isExclusion = exclude.length > 0;
  const categories = isExclusion ? exclude : include;
  if (categories.length === 0) return undefined;
  const wanted = `.${categories.join('.')}.`;
  return (name) => {
    const lastDot = name.lastIndexOf('.');
    if (!name.startsWith(PREFIX) || lastDot < PREFIX.length) return false;
    return name.slice(PREFIX.length - 1, lastDot + 1).includes(wanted) !== isExclusion;
  };
}
