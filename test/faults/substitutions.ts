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

/** Bugs that somebody might put in; each has to turn a cell red. */
export const MUTANTS = {
  'no-fsync': {
    cell: 'server-kill status',
    substitutions: [
      {
        file: 'adapters/file-object-store.ts',
        find: 'const dataSync = promisify(fdatasync);',
        replace: 'const dataSync = async (_file: number): Promise<void> => undefined;',
      },
    ],
  },
  'result-not-checked': {
    cell: 'engine-kill segment',
    substitutions: [
      {
        file: 'core/use-cases/gather-outcomes.ts',
        find: "if (result?.outcome === 'succeeded') return",
        replace: 'if (result !== null) return',
      },
    ],
  },
  'group-not-killed': {
    cell: 'timeout segment',
    substitutions: [
      {
        file: 'adapters/host-process.ts',
        find: "else process.kill(-this.pid, 'SIGKILL');",
        replace: "else this.#child.kill('SIGKILL');",
      },
    ],
  },
} as const satisfies Readonly<
  Record<string, { readonly cell: string; readonly substitutions: readonly Substitution[] }>
>;

/** What every drill of this process takes out of modules beside its own. */
export const EVERYWHERE: Substitution[] = [];
