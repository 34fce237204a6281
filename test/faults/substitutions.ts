/** A text of a module, which must stand there once, and what is run instead of it. */
export interface Substitution {
  /** From the root of the checkout. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Limits of a plan in seconds instead of ten minutes, so that a worker can run out of its time in a test. */
export const SHORT_PLAN: readonly Substitution[] = [
  { file: 'core/plan.ts', find: 'const START_SECONDS = 600;', replace: 'const START_SECONDS = 8;' },
  {
    file: 'core/workflow.ts',
    find: 'attemptSeconds: z.int().min(60),',
    replace: 'attemptSeconds: z.int().min(1),',
  },
];

/** The time of PrepareJob in seconds instead of a quarter of an hour. */
export const SHORT_PREPARATION: readonly Substitution[] = [
  {
    file: 'core/workflow.asl.json',
    find: `"phase": "prepare",
          "jobId.$": "$.jobId",
          "attempt.$": "$.attempt"
        }
      },
      "TimeoutSeconds": 900,`,
    replace: `"phase": "prepare",
          "jobId.$": "$.jobId",
          "attempt.$": "$.attempt"
        }
      },
      "TimeoutSeconds": 2,`,
  },
];

/** How long an upload may stand still: a second instead of a minute. */
export const SHORT_PATIENCE: readonly Substitution[] = [
  {
    file: 'adapters/file-link-server.ts',
    find: 'const BODY_IDLE_MS = 60_000;',
    replace: 'const BODY_IDLE_MS = 1_000;',
  },
];
