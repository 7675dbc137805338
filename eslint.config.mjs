import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Dependencies point one way: functions, cli → cache → registry, store → archive, image.
 * Each row says what the files of one folder must not import.
 */
const direction = [
  ['src/image', ['archive', 'registry', 'store', 'cache', 'functions', 'cli', 'config']],
  ['src/archive', ['registry', 'store', 'cache', 'functions', 'cli', 'config']],
  ['src/registry', ['store', 'cache', 'functions', 'cli']],
  ['src/store', ['registry', 'cache', 'functions', 'cli']],
  ['src/cache', ['functions', 'cli']],
  ['src/functions', ['cli']],
  ['src/cli', ['functions', 'registry', 'store', 'archive', 'config']],
];

/** The pure folders know nothing of Azure and do no I/O. */
const pure = {
  group: ['@azure/*', 'durable-functions', 'undici', 'node:fs*', 'node:http*', 'node:net', 'node:dns*'],
  message: 'src/image and src/archive are pure: no Azure, no I/O.',
};

const directionRules = direction.map(([folder, above]) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: above.flatMap((name) => [`../${name}/*`, `../${name}.ts`, `../../${name}/*`]),
            message: `${folder} must not depend on this folder: dependencies point one way (docs/architecture.md).`,
          },
          ...(folder === 'src/image' || folder === 'src/archive' ? [pure] : []),
        ],
      },
    ],
  },
}));

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
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
  {
    // A package knows itself and what its package.json names.
    files: ['packages/*/src/**/*.ts', 'packages/*/test/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['../../../*'], message: 'A package imports nothing of the project around it.' },
          ],
        },
      ],
    },
  },
  ...directionRules,
);
