import { publishResults } from '../core/use-cases/publish-results.ts';
import type { WorkflowPorts } from '../core/use-cases/service-ports.ts';
import { viewerBucket } from '../adapters/viewer-bucket.ts';
import { publishingPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

/** PublishResults and ConfirmResults: gathers what came of every case and ends the job. It may run twice. */
export const create = (ports: WorkflowPorts): Invoked =>
  invokedFunction(ports.log, (payload) => publishResults(ports, payload));

/** What Step Functions calls. */
export const handler = create(publishingPorts(viewerBucket));
