/** The target types of executables, PE, ELF and Mach-O: only they have entry points and sections. */
export const EXECUTABLE_TARGETS: ReadonlySet<number> = new Set([1, 6, 9]);
