import { recordShardFailure } from '../core/use-cases/record-shard-failure.ts';
import type { WorkflowPorts } from '../core/use-cases/service-ports.ts';
import { workflowPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

/** RecordShardFailure: keeps why a shard has failed. It may run twice. */
export const create = (ports: WorkflowPorts): Invoked =>
  invokedFunction(ports.log, (payload) => recordShardFailure(ports, payload));

/** What Step Functions calls. */
export const handler = create(workflowPorts());
