import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { expect, it } from 'vitest';
import { BatchJobs } from '../../adapters/batch-jobs.ts';
import { clientOptions, moto, uniqueName } from '../fixtures/emulators.ts';
import { jobsContract, newSpec, type JobsHome } from './jobs.contract.ts';

/** A role for Batch; moto tells services apart by the scope of the signature, which it does not check. */
async function serviceRole(endpoint: string): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: new URLSearchParams({
      Action: 'CreateRole',
      Version: '2010-05-08',
      RoleName: uniqueName('batch'),
      AssumeRolePolicyDocument: '{}',
    }),
  });
  return /<Arn>(.+)<\/Arn>/.exec(await answer.text())![1]!;
}

async function batch(): Promise<JobsHome> {
  const emulator = await moto();
  const config = await fetch(`${emulator.endpoint}/moto-api/config`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ batch: { use_docker: false } }),
  });
  expect(config.ok).toBe(true);
  const client = new BatchClient(clientOptions(emulator));
  const { computeEnvironmentArn } = await client.send(
    new CreateComputeEnvironmentCommand({
      computeEnvironmentName: uniqueName('environment'),
      type: 'UNMANAGED',
      state: 'ENABLED',
      serviceRole: await serviceRole(emulator.endpoint),
    }),
  );
  const queue = async (kind: string): Promise<string> => {
    const created = await client.send(
      new CreateJobQueueCommand({
        jobQueueName: uniqueName(kind),
        state: 'ENABLED',
        priority: 1,
        computeEnvironmentOrder: [{ order: 1, computeEnvironment: computeEnvironmentArn! }],
      }),
    );
    return created.jobQueueArn!;
  };
  const { jobDefinitionArn } = await client.send(
    new RegisterJobDefinitionCommand({
      jobDefinitionName: uniqueName('worker'),
      type: 'container',
      containerProperties: {
        image: 'none',
        resourceRequirements: [
          { type: 'MEMORY', value: '1024' },
          { type: 'VCPU', value: '1' },
        ],
      },
    }),
  );
  const jobs = new BatchJobs({
    batch: client,
    logs: new CloudWatchLogsClient(clientOptions(emulator)),
    queues: { interactive: await queue('now'), bulk: await queue('bulk'), cpu: await queue('cpu') },
    definitions: { worker: jobDefinitionArn!, cpu: jobDefinitionArn! },
    logGroup: '/aws/batch/job',
    pollMs: 20,
  });
  return { jobs, good: ['good'], bad: ['bad'], endless: ['endless'] };
}

jobsContract('AWS Batch (moto)', batch, {
  'that fail say the exit code': 'runs nothing without a container engine: every job succeeds',
  'end when they are terminated': 'a job has succeeded before it can be terminated',
  'end when nobody waits for them any more': 'a job has succeeded before its wait can be aborted',
  'show the last lines of their logs': 'runs nothing, so nothing is logged',
});

it('says that AWS Batch cannot be reached', async () => {
  const nowhere = { ...clientOptions({ endpoint: 'http://127.0.0.1:9' }), maxAttempts: 1 };
  const jobs = new BatchJobs({
    batch: new BatchClient(nowhere),
    logs: new CloudWatchLogsClient(nowhere),
    queues: { interactive: 'a', bulk: 'b', cpu: 'c' },
    definitions: { worker: 'w', cpu: 'c' },
    logGroup: 'g',
  });

  await expect(jobs.submit(newSpec([]))).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
});
