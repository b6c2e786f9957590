import eslint from '@eslint/js';
import nodePlugin from 'eslint-plugin-n';
import tseslint from 'typescript-eslint';

const koffiOnlyBehindTheFence = {
  'no-restricted-imports': [
    'error',
    { paths: [{ name: 'koffi', message: 'koffi lives in shared/src/native.' }] },
  ],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'guarded/**'] },
  eslint.configs.recommended,
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { process: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    plugins: { n: nodePlugin },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...koffiOnlyBehindTheFence,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      // noPropertyAccessFromIndexSignature (tsc) wants the brackets that this rule would remove.
      '@typescript-eslint/dot-notation': 'off',
      'n/prefer-node-protocol': 'error',
      'n/no-process-env': 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
    },
  },
  {
    files: ['packages/shared/src/native/**/*.ts', 'packages/scanner-daemon/src/engine/libclamav/binding.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['packages/*/src/main.ts', 'scripts/**/*.ts'],
    rules: { 'n/no-process-env': 'off', 'no-console': 'off' },
  },
  {
    // The gate answers the kernel: after arming it opens no file and loads no module.
    files: ['packages/onacc-client/src/gate/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'n/no-sync': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportExpression', message: 'The gate loads no module after arming.' },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'packages/*/test/**/*.ts', 'packages/shared/src/testing/**/*.ts'],
    rules: {
      'n/no-process-env': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
