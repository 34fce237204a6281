import { defineConfig } from 'vitest/config';
import { skippedTestsReporter } from './test/skipped-tests-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/engine-environment.setup.ts', 'test/emulators.setup.ts'],
    // Tests of the real engines run beside each other on two cores.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', skippedTestsReporter],
    maxWorkers: 2,
    sequence: { shuffle: true },
  },
});
