/** The engines our daemon can be measured with: the values of SCANNER_ENGINE. */
export const benchEngines = ['builtin', 'libclamav'] as const;
export type BenchEngine = (typeof benchEngines)[number];

/** What our daemon is started with: the same signatures as clamd has, no others, in the named engine. */
export function portcullisEnv(
  engine: BenchEngine,
  isolation: 'yes' | 'no' = 'yes',
): Readonly<Record<string, string>> {
  const env = { SCANNER_BUNDLED_SIGNATURES: 'no', SCANNER_ENGINE: engine };
  // Said also when it is the default: what is measured must not depend on that.
  return engine === 'libclamav' ? { ...env, SCANNER_ISOLATION: isolation } : env;
}
