import { HpbError } from '../../core/errors.ts';
import type { JobDocument } from '../../core/job.ts';
import type { JobId } from '../../core/layout.ts';
import type { Cell, Column, Ending, Row } from './cell.ts';
import { Flow, type FlowFaults } from './flow.ts';
import { calmCases, endOf, submitted } from './store-cells.ts';

/** The first attempt. */
export const ATTEMPT = { attempt: 1 } as const;

/** A cell of an event that goes astray. */
export interface EventCell {
  readonly row: Row;
  readonly column: Column;
  readonly how: string;
  readonly expected: Ending;
  readonly faults?: () => FlowFaults;
  /** Default: submit, and see how the job ends. */
  readonly play?: (flow: Flow) => Promise<Ending>;
  /** Whether a worker really works. Default: what it would store is stored for it. */
  readonly works?: true;
}

/** The cell that plays it on a flow. */
export function cellOf({ row, column, how, expected, faults, play, works }: EventCell): Cell {
  const run = async (): Promise<Awaited<ReturnType<Cell['run']>>> => {
    const replay = works === true ? {} : { replay: await calmCases() };
    const flow = new Flow({ ...replay, ...faults?.() });
    const start = performance.now();
    try {
      const ending = await (play ?? (async () => endOf(flow, await submitted(flow))))(flow);
      const left = flow.scratchFiles();
      return { ...ending, seconds: (performance.now() - start) / 1000, left };
    } finally {
      await flow.close();
    }
  };
  return { row, column, how, expected, boundSeconds: 60, fast: works !== true, run };
}

/** Runs the job, lets something come afterwards, and sees that nothing has changed by it. */
export const unmovedBy =
  (after: (flow: Flow, jobId: JobId) => Promise<unknown>) =>
  async (flow: Flow): Promise<Ending> => {
    const jobId = await submitted(flow);
    const before = await flow.ended(jobId);
    await after(flow, jobId);
    const now = await flow.jobNow(jobId);
    if (JSON.stringify(now) !== JSON.stringify(before)) throw new Error('the job was changed after its end');
    return endOf(flow, jobId);
  };

/** Job and attempt of the payload of a function. */
export const idsOf = (payload: unknown): Pick<JobDocument, 'jobId' | 'attempt'> => {
  const { jobId, attempt } = payload as JobDocument;
  return { jobId, attempt };
};

/** Functions of the first attempt whose calls are lost. */
export function lostFunctions(): FlowFaults {
  const lost = async (): Promise<never> => {
    throw new HpbError('WORKFLOW_FAILED', 'Lost.', { remedy: 'None.' });
  };
  return {
    functions: ({ PublishResults, FailJob }) => ({
      PublishResults: (payload, signal) =>
        idsOf(payload).attempt === 1 ? lost() : PublishResults(payload, signal),
      FailJob: (payload, signal) => (idsOf(payload).attempt === 1 ? lost() : FailJob(payload, signal)),
    }),
  };
}
