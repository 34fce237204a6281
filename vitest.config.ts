import { defineConfig } from 'vitest/config';
import { skippedTestsReporter } from './test/skipped-tests-reporter.ts';

// Tests of the real engines run beside each other on two cores.
const PATIENCE = { testTimeout: 120_000, hookTimeout: 300_000 };
const STACKS = 'test/lib/**/*.test.ts';

export default defineConfig({
  test: {
    globalSetup: ['test/engine-environment.setup.ts', 'test/emulators.setup.ts', 'test/stacks.setup.ts'],
    reporters: ['default', skippedTestsReporter],
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...PATIENCE,
          name: 'all but the stacks',
          include: ['test/**/*.test.ts'],
          exclude: [STACKS],
          sequence: { shuffle: true },
        },
      },
      {
        // The CDK is loaded once a worker: it takes longer than most of these tests.
        test: { ...PATIENCE, name: 'stacks', include: [STACKS], isolate: false, sequence: { shuffle: true } },
      },
    ],
  },
});
