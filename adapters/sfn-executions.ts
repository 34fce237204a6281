import {
  DescribeExecutionCommand,
  StartExecutionCommand,
  StopExecutionCommand,
  type ExecutionStatus,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import type { ExecutionFacts, Executions } from '../core/ports.ts';
import type { ExecutionInput } from '../core/workflow.ts';
import { awsError, isAwsError } from './aws-error.ts';

/** Longest cause that Step Functions takes, characters. */
const MAX_CAUSE = 32_768;

/** Executions in Step Functions. */
export class SfnExecutions implements Executions {
  readonly #client: SFNClient;
  readonly #machineArn: string;

  constructor(client: SFNClient, machineArn: string) {
    this.#client = client;
    this.#machineArn = machineArn;
  }

  async start(name: string, { jobId, attempt }: ExecutionInput): Promise<void> {
    const input = JSON.stringify({ jobId, attempt });
    try {
      await this.#client.send(new StartExecutionCommand({ stateMachineArn: this.#machineArn, name, input }));
    } catch (thrown) {
      // It has run and ended: a name stays taken for 90 days.
      if (!isAwsError(thrown, 'ExecutionAlreadyExists')) throw awsError('Step Functions', thrown);
    }
  }

  async stop(name: string, reason: { readonly error: string; readonly cause: string }): Promise<void> {
    // Some answer with a new end to a stop that comes late.
    if ((await this.describe(name))?.status !== 'RUNNING') return;
    const { error, cause } = reason;
    try {
      await this.#client.send(
        new StopExecutionCommand({
          executionArn: this.#arnOf(name),
          error,
          cause: cause.slice(0, MAX_CAUSE),
        }),
      );
    } catch (thrown) {
      if (!isAwsError(thrown, 'ExecutionDoesNotExist')) throw awsError('Step Functions', thrown);
    }
  }

  async describe(name: string): Promise<ExecutionFacts | null> {
    try {
      const { status, error, cause } = await this.#client.send(
        new DescribeExecutionCommand({ executionArn: this.#arnOf(name) }),
      );
      return { name, status: statusOf(status), error: error ?? null, cause: cause ?? null };
    } catch (thrown) {
      if (isAwsError(thrown, 'ExecutionDoesNotExist')) return null;
      throw awsError('Step Functions', thrown);
    }
  }

  #arnOf(name: string): string {
    return `${this.#machineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  }
}

function statusOf(status: ExecutionStatus | undefined): ExecutionFacts['status'] {
  return status === undefined || status === 'PENDING_REDRIVE' ? 'RUNNING' : status;
}
