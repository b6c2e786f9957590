// The suites run what ships: the JavaScript that `tsc -b` wrote into dist/.
const project = (displayName, testMatch) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  transform: {},
  // dist/ holds copies of nothing; without this Jest's haste map would complain about packages twice.
  modulePathIgnorePatterns: ['<rootDir>/.pnpm-store'],
});

export default {
  maxWorkers: '50%',
  projects: [
    project('unit', ['<rootDir>/packages/*/dist/src/**/*.test.js', '<rootDir>/scripts/dist/**/*.test.js']),
    project('integration', ['<rootDir>/packages/*/dist/test/integration/**/*.test.js']),
    project('root', ['<rootDir>/packages/*/dist/test/root/**/*.test.js']),
  ],
};
