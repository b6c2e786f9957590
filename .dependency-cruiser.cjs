// The direction of imports (ARCHITECTURE.md): scanner-daemon -> shared <- onacc-client, cores import no edges.
const edgesOf = '^(node:)?(net|fs|fs/promises|child_process|worker_threads|http|dgram|process)$';
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'shared-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^packages/shared/' },
      to: { path: '^(packages/(scanner-daemon|onacc-client)|scripts)/' },
    },
    {
      name: 'the-programs-never-meet',
      severity: 'error',
      from: { path: '^packages/(scanner-daemon|onacc-client)/src' },
      to: { path: '^packages/(scanner-daemon|onacc-client)/', pathNot: '^packages/$1/' },
    },
    {
      name: 'cores-are-pure',
      comment:
        'The engine and the policies see bytes and facts, never files, sockets, koffi, pino or config.',
      severity: 'error',
      from: {
        path: '^packages/(scanner-daemon/src/engine|onacc-client/src/policy|shared/src/protocol)/',
        // The binding is libclamav's own edge; libarchive's module is read from its package.
        pathNot: '([.]test[.]ts|engine/libclamav/binding[.]ts|engine/unpack/libarchive/instance[.]ts)$',
      },
      to: { path: [edgesOf, 'node_modules/(koffi|pino)', '^packages/shared/src/(native|config|logging)/'] },
    },
    {
      name: 'koffi-behind-the-fence',
      severity: 'error',
      from: { pathNot: '^packages/(shared/src/native/|scanner-daemon/src/engine/libclamav/binding[.]ts$)' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'only-tests-use-fakes',
      severity: 'error',
      from: { path: '/src/', pathNot: '([.]test[.]ts$|/testing/)' },
      to: { path: '(fake-native|/testing/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
