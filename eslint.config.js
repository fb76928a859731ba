// What prettier and tsc do not see. TypeScript is linted with its types; the AssemblyScript folders (not type-checked by
// tsc, and with decorators where TypeScript allows none) by syntax alone; plain scripts without types.

import js from '@eslint/js';
import ts from 'typescript-eslint';

const ASSEMBLYSCRIPT = ['kernel/**/*.ts', 'drivers/**/*.ts', 'test/**/fixtures/**/*.ts'];
const HOUSE = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'max-lines': ['error', 400],
  'no-var': 'error',
  'no-warning-comments': 'error',
  'prefer-const': 'error',
};
const UNUSED = ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }];

export default [
  { ignores: ['dist/', 'node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  ...[js.configs.recommended, ...ts.configs.recommendedTypeChecked].map((config) => ({
    ...config,
    files: ['host/**/*.ts', 'kernel/abi/*.ts', 'test/**/*.ts', '*.config.ts'],
    ignores: ['test/**/fixtures/**'],
  })),
  {
    files: ['host/**/*.ts', 'kernel/abi/*.ts', 'test/**/*.ts', '*.config.ts'],
    ignores: ['test/**/fixtures/**'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...HOUSE,
      '@typescript-eslint/no-unused-vars': UNUSED,
      '@typescript-eslint/unbound-method': 'off', // wasm exports are passed around as functions, which they are
      '@typescript-eslint/require-await': 'off', // an interface may ask for a promise that one side does not need
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ['host/ambient/*.d.ts'],
    rules: { '@typescript-eslint/no-unsafe-function-type': 'off', 'no-var': 'off' },
  },
  // Only the faces speak to a console.
  { files: ['host/**/*.ts'], ignores: ['host/web/**'], rules: { 'no-console': 'error' } },

  {
    files: ASSEMBLYSCRIPT,
    ignores: ['kernel/abi/*.ts'],
    languageOptions: { parser: ts.parser, parserOptions: { allowInvalidAST: true } },
    plugins: { '@typescript-eslint': ts.plugin },
    rules: {
      ...HOUSE,
      eqeqeq: 'off',
      'prefer-const': 'off', // a module parameter is written by the loader
      // An operation has the arguments of its table, used or not.
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none', varsIgnorePattern: '^_' }],
    },
  },

  {
    ...js.configs.recommended,
    files: ['scripts/**/*.mjs', 'bin/**/*.mjs', 'eslint.config.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['URL', 'clearInterval', 'performance', 'process', 'setInterval', 'setTimeout'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
    rules: { ...js.configs.recommended.rules, ...HOUSE },
  },
];
