import type { Reporter, TestModule } from 'vitest/node';

/** Names at the end of a run what was skipped and why: a skipped test is not a passing one. */
export const skippedTestsReporter: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    for (const module of modules)
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = result.state === 'skipped' ? result.note : undefined;
        console.log(`SKIPPED ${module.relativeModuleId}: ${test.fullName}: ${reason ?? 'no reason given'}`);
      }
  },
};
