import js from '@eslint/js';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Dependencies point one way (docs/architecture.md). What a folder may import beside itself, packages and
 * src/errors.ts; what holds for a folder holds for the folders in it.
 */
/** What every use case works with. */
const ground = ['config.ts', 'context.ts', 'store', 'archive', 'image'];
const edges = [
  ...ground,
  'version.ts',
  'registry',
  'catalog',
  'runs',
  'service',
  'distribution',
  'upkeep',
  'api',
  'telemetry',
  'statistics',
  'ui',
];
const mayImport = {
  image: [],
  archive: ['image'],
  api: ['image'],
  telemetry: ['registry/exchange/events.ts', 'registry/exchange/quota.ts'],
  registry: ['identity.ts', 'image'],
  'registry/net': [],
  'registry/traffic': ['registry/net'],
  'registry/exchange': ['registry/traffic', 'registry/net', 'image'],
  'registry/auth': ['identity.ts', 'registry/exchange', 'registry/traffic', 'registry/net', 'image'],
  'registry/listing': ['registry/auth', 'registry/exchange', 'registry/traffic', 'registry/net', 'image'],
  'registry/blob': ['registry/auth', 'registry/exchange', 'registry/traffic', 'registry/net', 'image'],
  store: ['identity.ts', 'archive', 'image'],
  'store/archive': ['store/storage.ts', 'store/turns.ts', 'archive', 'image'],
  'store/hints': ['store/storage.ts', 'store/turns.ts', 'store/archive', 'archive', 'image'],
  catalog: ['store', 'archive', 'image'],
  runs: [...ground, 'registry'],
  service: [...ground, 'version.ts', 'registry', 'catalog', 'runs', 'api'],
  distribution: [...ground, 'catalog'],
  upkeep: [...ground, 'registry', 'catalog', 'runs', 'service', 'api'],
  statistics: ['store', 'api', 'telemetry'],
  ui: [],
  functions: edges,
  'functions/durable': [...edges, 'functions/appContext.ts', 'functions/asCacheError.ts'],
  direct: [...ground, 'runs', 'service', 'upkeep', 'api', 'telemetry', 'statistics'],
  cli: ['version.ts', 'api', 'archive', 'direct'],
};

const zones = [
  ...Object.entries(mayImport).map(([folder, others]) => ({
    target: `src/${folder}`,
    from: 'src',
    except: [folder, ...others, 'errors.ts'].map((name) => `./${name}`),
    message: `src/${folder} must not know of it: dependencies point one way (docs/architecture.md).`,
  })),
  {
    target: 'packages/functions-host',
    from: '.',
    except: ['./packages/functions-host', './node_modules'],
    message: 'A package imports nothing of the project around it.',
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.local/', '.cache/', 'packages/*/test/fixtures/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: 'error',
    },
  },
  {
    // node:test's describe and it return promises that the runner awaits.
    files: ['test/**/*.ts', 'packages/*/test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['describe', 'it', 'test', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  {
    // tsc knows what a browser has, and checks these scripts by their JSDoc types.
    files: ['src/ui/page/*.js'],
    rules: { 'no-undef': 'off', eqeqeq: 'error', 'prefer-const': 'error', 'no-var': 'error' },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
  {
    files: ['src/**/*.ts', 'local/**/*.ts', 'packages/*/{src,test}/**/*.ts'],
    plugins: { 'import-x': importX },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones, basePath: import.meta.dirname }],
      'import-x/no-cycle': 'error',
    },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts'] })] },
  },
  {
    // Pure: what can be decided without Azure, network or disk is decided there.
    files: ['src/{image,archive,api}/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                '@azure/*',
                'durable-functions',
                'undici',
                'node:fs*',
                'node:http*',
                'node:net',
                'node:dns*',
              ],
              message: 'This folder is pure: no Azure, no I/O.',
            },
          ],
        },
      ],
    },
  },
);
