import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { executionName, type JobId } from '../../core/layout.ts';
import type { ExecutionFacts, Executions } from '../../core/ports.ts';
import type { ExecutionInput } from '../../core/workflow.ts';

/** A home of executions whose workflow ends as the first letter of the job id says. */
export interface ExecutionsHome {
  readonly executions: Executions;
}

/** `g` ends well, `b` ends with the error `NO_CASE_SUCCEEDED`, `h` never ends by itself. */
type Course = 'g' | 'b' | 'h';

const newInput = (course: Course): ExecutionInput => ({
  jobId: `${course}-${randomUUID()}` as JobId,
  attempt: 1,
});
const nameOf = ({ jobId, attempt }: ExecutionInput): string => executionName(jobId, attempt);

async function end(executions: Executions, name: string): Promise<ExecutionFacts> {
  for (const until = Date.now() + 60_000; ; await sleep(20)) {
    const facts = await executions.describe(name);
    if (facts !== null && facts.status !== 'RUNNING') return facts;
    if (Date.now() > until) throw new Error(`${name} did not end.`);
  }
}

/** What every home of executions does. */
export function executionsContract(home: string, open: () => Promise<ExecutionsHome>): void {
  describe(`executions in ${home}`, () => {
    it('run to a good end', async () => {
      const { executions } = await open();
      const input = newInput('g');

      await executions.start(nameOf(input), input);

      expect(await end(executions, nameOf(input))).toEqual({
        name: nameOf(input),
        status: 'SUCCEEDED',
        error: null,
        cause: null,
      });
    });

    it('say why they failed', async () => {
      const { executions } = await open();
      const input = newInput('b');

      await executions.start(nameOf(input), input);

      expect(await end(executions, nameOf(input))).toMatchObject({
        status: 'FAILED',
        error: 'NO_CASE_SUCCEEDED',
        cause: 'No case succeeded.',
      });
    });

    it('are one when started twice, running or ended', async () => {
      const { executions } = await open();
      const input = newInput('h');
      await executions.start(nameOf(input), input);

      await executions.start(nameOf(input), input);
      await executions.stop(nameOf(input), { error: 'CANCELLED', cause: 'Enough.' });
      await executions.start(nameOf(input), input);

      expect(await executions.describe(nameOf(input))).toMatchObject({ status: 'ABORTED' });
    });

    it('end when they are stopped, with the reason', async () => {
      const { executions } = await open();
      const input = newInput('h');
      await executions.start(nameOf(input), input);
      expect(await executions.describe(nameOf(input))).toMatchObject({ status: 'RUNNING', error: null });

      await executions.stop(nameOf(input), { error: 'CANCELLED', cause: 'Enough.' });

      expect(await end(executions, nameOf(input))).toMatchObject({
        status: 'ABORTED',
        error: 'CANCELLED',
        cause: 'Enough.',
      });
    });

    it('stay as they ended when they are stopped afterwards', async () => {
      const { executions } = await open();
      const input = newInput('g');
      await executions.start(nameOf(input), input);
      await end(executions, nameOf(input));

      await executions.stop(nameOf(input), { error: 'CANCELLED', cause: 'Too late.' });

      expect(await executions.describe(nameOf(input))).toMatchObject({ status: 'SUCCEEDED', error: null });
    });

    it('that never were are nothing to describe or to stop', async () => {
      const { executions } = await open();

      await executions.stop('job-unknown-a1', { error: 'CANCELLED', cause: 'Enough.' });

      expect(await executions.describe('job-unknown-a1')).toBeNull();
    });
  });
}
