import { z } from 'zod';
import { failJob, settleExecution } from '../core/use-cases/fail-job.ts';
import type { WorkflowPorts } from '../core/use-cases/service-ports.ts';
import { workflowPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

/** `Step Functions Execution Status Change` of EventBridge; other fields of it are left alone. */
const executionEnded = z.object({
  source: z.literal('aws.states'),
  detail: z.object({
    name: z.string(),
    status: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
    error: z.string().nullish(),
    cause: z.string().nullish(),
  }),
});

/**
 * FailJob: ends a job whose workflow caught an error. EventBridge calls it as well when an execution has ended, and it
 * puts right what the workflow itself could not. It may run twice.
 */
export const create = (ports: WorkflowPorts): Invoked =>
  invokedFunction(ports.log, async (payload) => {
    const ended = executionEnded.safeParse(payload);
    if (!ended.success) return failJob(ports, payload);
    const { name, status, error = null, cause = null } = ended.data.detail;
    await settleExecution(ports, { name, status, error, cause });
    return {};
  });

/** What Step Functions and EventBridge call. */
export const handler = create(workflowPorts());
