const { readdirSync } = require('node:fs');

// Only folders with sources: the data of running servers is below .local/, and may
// neither be read nor watched.
const roots = readdirSync(__dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$|coverage$|docs$)/.test(entry.name))
  .map((entry) => `<rootDir>/${entry.name}`);

/** @type {import('jest').Config} */
module.exports = {
  roots,
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'],
  // What takes long has a command of its own, npm run test:slow, and is run here only when it is asked for by name.
  testPathIgnorePatterns: ['/node_modules/', ...(process.env.TEST_SLOW ? [] : ['\\.slow\\.test\\.ts$'])],
  transform: {
    // The types are checked by tsc before the tests run.
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
    // Published as ES modules alone, which Jest reads on newer versions of Node only.
    'node_modules/(jose|request-filtering-agent)/.+\\.js$': [
      '@swc/jest',
      { jsc: { target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(jose|request-filtering-agent)/)'],
  reporters: ['default', '<rootDir>/scripts/run-complete-reporter.js'],
  testSequencer: '<rootDir>/scripts/test-sequencer.js',
  testTimeout: 120_000,
};
