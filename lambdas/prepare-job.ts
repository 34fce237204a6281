import { prepareJob } from '../core/use-cases/prepare-job.ts';
import type { WorkflowPorts } from '../core/use-cases/service-ports.ts';
import { workflowPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

/** PrepareJob and PlanUnpackedCases: takes the upload apart and plans its shards. It may run twice. */
export const create = (ports: WorkflowPorts): Invoked =>
  invokedFunction(ports.log, (payload) => prepareJob(ports, payload));

/** What Step Functions calls. */
export const handler = create(workflowPorts());
