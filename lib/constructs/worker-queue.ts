import { Duration } from 'aws-cdk-lib';
import {
  JobQueue,
  JobStateTimeLimitActionsReason,
  type ManagedEc2EcsComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import type { Construct } from 'constructs';

export interface WorkerQueueProps {
  /** Tried in this order; at most three. */
  readonly environments: readonly ManagedEc2EcsComputeEnvironment[];
  /** Of two queues that share environments, the larger goes first. */
  readonly priority: number;
  readonly stuckQueueMinutes: number;
}

/** A job that can never run is cancelled, so that those behind it are not held up. First in, first out. */
export function workerQueue(scope: Construct, id: string, props: WorkerQueueProps): JobQueue {
  const { environments, priority, stuckQueueMinutes } = props;
  return new JobQueue(scope, id, {
    priority,
    computeEnvironments: environments.map((computeEnvironment, index) => ({
      computeEnvironment,
      order: index + 1,
    })),
    jobStateTimeLimitActions: Object.values(JobStateTimeLimitActionsReason).map((reason) => ({
      reason,
      maxTime: Duration.minutes(stuckQueueMinutes),
    })),
  });
}
