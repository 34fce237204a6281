/** A text of a module, which must stand there once, and what is run instead of it. */
export interface Substitution {
  /** From the root of the checkout. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Limits of a plan in seconds instead of ten minutes, so that a worker can run out of its time in a test. */
export const SHORT_LIMITS: readonly Substitution[] = [
  { file: 'core/plan.ts', find: 'const START_SECONDS = 600;', replace: 'const START_SECONDS = 2;' },
  {
    file: 'core/workflow.ts',
    find: 'attemptSeconds: z.int().min(60),',
    replace: 'attemptSeconds: z.int().min(1),',
  },
];
