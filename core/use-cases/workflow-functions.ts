import type { FunctionState } from '../workflow.ts';
import { failJob } from './fail-job.ts';
import { prepareJob } from './prepare-job.ts';
import { publishResults } from './publish-results.ts';
import { recordShardFailure } from './record-shard-failure.ts';
import type { WorkflowPorts } from './service-ports.ts';

/** What each Task state of core/workflow.asl.json calls: the Lambdas in the cloud, this process on the laptop. */
export function workflowFunctions(
  ports: WorkflowPorts,
): Readonly<Record<FunctionState, (payload: unknown, signal?: AbortSignal) => Promise<unknown>>> {
  const prepare = (payload: unknown, signal?: AbortSignal): Promise<unknown> =>
    prepareJob(ports, payload, signal);
  const publish = (payload: unknown): Promise<unknown> => publishResults(ports, payload);
  return {
    PrepareJob: prepare,
    PlanUnpackedCases: prepare,
    RecordShardFailure: (payload) => recordShardFailure(ports, payload),
    PublishResults: publish,
    ConfirmResults: publish,
    FailJob: (payload) => failJob(ports, payload),
  };
}
