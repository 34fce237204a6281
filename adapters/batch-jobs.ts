import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeJobsCommand,
  GetJobQueueSnapshotCommand,
  paginateListJobs,
  SubmitJobCommand,
  TerminateJobCommand,
  type BatchClient,
  type JobDetail,
  type JobSummary,
} from '@aws-sdk/client-batch';
import { GetLogEventsCommand, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { HpbError } from '../core/errors.ts';
import type { JobFacts, Jobs, JobSpec } from '../core/ports.ts';
import { awsError, isAwsError } from './aws-error.ts';

/** What of Batch is ours: names or ARNs. */
export interface BatchJobsOptions {
  readonly batch: BatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly queues: { readonly interactive: string; readonly bulk: string; readonly cpu: string };
  readonly definitions: { readonly worker: string; readonly cpu: string };
  /** Log group of the job definitions. */
  readonly logGroup: string;
  /** Between two looks at a job that is waited for. Default 10,000. */
  readonly pollMs?: number;
}

const POLL_MS = 10_000;
/** Jobs whose logs are read for one tail; the latest ones. */
const MAX_LOGS = 10;
/** Jobs that one DescribeJobs takes. */
const MAX_DESCRIBED = 100;
/** Least time that Batch takes for an attempt, s. */
const MIN_TIMEOUT = 60;

/** Worker jobs in AWS Batch. */
export class BatchJobs implements Jobs {
  readonly #options: BatchJobsOptions;

  constructor(options: BatchJobsOptions) {
    this.#options = options;
  }

  async submit(spec: JobSpec): Promise<string> {
    const { batch, definitions } = this.#options;
    const { jobId } = await ask(() =>
      batch.send(
        new SubmitJobCommand({
          jobName: spec.name,
          jobQueue: this.#queueOf(spec),
          jobDefinition: spec.gpu ? definitions.worker : definitions.cpu,
          containerOverrides: {
            command: [...spec.command],
            resourceRequirements: [
              { type: 'MEMORY', value: String(spec.memoryMib) },
              { type: 'VCPU', value: String(spec.vcpus) },
            ],
          },
          timeout: { attemptDurationSeconds: Math.max(MIN_TIMEOUT, spec.timeoutSeconds) },
        }),
      ),
    );
    return jobId!;
  }

  /** @throws HpbError JOB_NOT_FOUND when Batch does not know the job, or no longer. */
  async wait(ref: string, signal?: AbortSignal): Promise<JobFacts> {
    const { pollMs = POLL_MS } = this.#options;
    for (let told = false; ;) {
      if (signal?.aborted && !told) {
        told = true;
        await this.terminate(ref, 'its owner waits no longer');
      }
      const facts = await this.describe(ref);
      if (facts === null) throw unknownJob(ref);
      if (facts.status === 'SUCCEEDED' || facts.status === 'FAILED') return facts;
      await sleep(pollMs, undefined, told || signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }

  async describe(ref: string): Promise<JobFacts | null> {
    const [detail] = await this.#details([ref]);
    return detail === undefined ? null : factsOf(detail);
  }

  async terminate(ref: string, reason: string): Promise<void> {
    const facts = await this.describe(ref);
    if (facts === null || facts.status === 'SUCCEEDED' || facts.status === 'FAILED') return;
    try {
      await this.#options.batch.send(new TerminateJobCommand({ jobId: ref, reason }));
    } catch (thrown) {
      // It has ended meanwhile.
      if (!isAwsError(thrown, 'ClientException')) throw awsError('AWS Batch', thrown);
    }
  }

  async queuePosition(namePrefix: string): Promise<number | null> {
    for (const queue of this.#queues()) {
      const ours = new Set((await this.#jobsOf(queue, namePrefix)).map(({ jobArn }) => jobArn));
      if (ours.size === 0) continue;
      // Batch tells the first hundred that wait for a machine.
      const { frontOfQueue } = await ask(() =>
        this.#options.batch.send(new GetJobQueueSnapshotCommand({ jobQueue: queue })),
      );
      const position = (frontOfQueue?.jobs ?? []).findIndex(({ jobArn }) => ours.has(jobArn));
      if (position !== -1) return position;
    }
    return null;
  }

  async logTail(namePrefix: string, lines: number): Promise<readonly string[]> {
    if (lines <= 0) return [];
    const found = (await Promise.all(this.#queues().map((queue) => this.#jobsOf(queue, namePrefix)))).flat();
    const latest = found.sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0)).slice(0, MAX_LOGS);
    const details = await this.#details(latest.map(({ jobId }) => jobId!));
    const byAge = details.sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
    let tail: string[] = [];
    for (const { container } of byAge) {
      if (tail.length >= lines) break;
      tail = [...(await this.#logOf(container?.logStreamName, lines - tail.length)), ...tail];
    }
    return tail;
  }

  #queueOf({ gpu, priority }: JobSpec): string {
    const { interactive, bulk, cpu } = this.#options.queues;
    if (!gpu) return cpu;
    return priority === 0 ? interactive : bulk;
  }

  #queues(): readonly string[] {
    const { interactive, bulk, cpu } = this.#options.queues;
    return [...new Set([interactive, bulk, cpu])];
  }

  async #details(refs: readonly string[]): Promise<JobDetail[]> {
    if (refs.length === 0) return [];
    const jobs = refs.slice(0, MAX_DESCRIBED);
    const answer = await ask(() => this.#options.batch.send(new DescribeJobsCommand({ jobs })));
    return answer.jobs ?? [];
  }

  async #jobsOf(jobQueue: string, namePrefix: string): Promise<JobSummary[]> {
    const filters = [{ name: 'JOB_NAME', values: [`${namePrefix}*`] }];
    const pages = paginateListJobs({ client: this.#options.batch }, { jobQueue, filters });
    const found: JobSummary[] = [];
    await ask(async () => {
      for await (const { jobSummaryList } of pages) found.push(...(jobSummaryList ?? []));
    });
    // The filter of Batch does not tell upper from lower case.
    return found.filter(({ jobName }) => jobName?.startsWith(namePrefix));
  }

  async #logOf(stream: string | undefined, limit: number): Promise<readonly string[]> {
    if (stream === undefined) return [];
    const { logs, logGroup } = this.#options;
    try {
      const { events } = await logs.send(
        new GetLogEventsCommand({
          logGroupName: logGroup,
          logStreamName: stream,
          limit,
          startFromHead: false,
        }),
      );
      return (events ?? []).map(({ message }) => message ?? '');
    } catch (thrown) {
      // The worker has logged nothing yet.
      if (isAwsError(thrown, 'ResourceNotFoundException')) return [];
      throw awsError('CloudWatch Logs', thrown);
    }
  }
}

async function ask<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw awsError('AWS Batch', thrown);
  }
}

const STATUS: Readonly<Record<string, JobFacts['status']>> = {
  STARTING: 'STARTING',
  RUNNING: 'RUNNING',
  SUCCEEDED: 'SUCCEEDED',
  FAILED: 'FAILED',
};

function factsOf({ jobId, jobName, status, statusReason, attempts, container }: JobDetail): JobFacts {
  return {
    ref: jobId!,
    name: jobName!,
    status: STATUS[status ?? ''] ?? 'QUEUED',
    exitCode: container?.exitCode ?? null,
    reason: statusReason ?? container?.reason ?? null,
    attempts: attempts?.length ?? 0,
    log: container?.logStreamName ?? null,
  };
}

function unknownJob(ref: string): HpbError {
  return new HpbError('JOB_NOT_FOUND', `AWS Batch knows no job ${JSON.stringify(ref.slice(0, 80))}.`, {
    remedy: 'It forgets jobs about a week after their end; start the job again.',
  });
}
