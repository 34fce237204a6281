import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { SfnExecutions } from '../../adapters/sfn-executions.ts';
import type { JobId } from '../../core/layout.ts';
import { clientOptions, ministack, uniqueName } from '../fixtures/emulators.ts';
import { executionsContract } from './executions.contract.ts';

/** Ends as the first letter of the job id says. */
const MACHINE = {
  StartAt: 'Course',
  States: {
    Course: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.jobId', StringMatches: 'g-*', Next: 'Good' },
        { Variable: '$.jobId', StringMatches: 'b-*', Next: 'Bad' },
      ],
      Default: 'Hang',
    },
    Good: { Type: 'Succeed' },
    Bad: { Type: 'Fail', Error: 'NO_CASE_SUCCEEDED', Cause: 'No case succeeded.' },
    Hang: { Type: 'Wait', Seconds: 600, Next: 'Good' },
  },
};

async function machine(): Promise<SfnExecutions> {
  const client = new SFNClient(clientOptions(await ministack()));
  const { stateMachineArn } = await client.send(
    new CreateStateMachineCommand({
      name: uniqueName('executions'),
      definition: JSON.stringify(MACHINE),
      roleArn: 'arn:aws:iam::000000000000:role/any',
    }),
  );
  return new SfnExecutions(client, stateMachineArn!);
}

executionsContract('Step Functions', async () => ({ executions: await machine() }));

it('says that Step Functions cannot be reached', async () => {
  const client = new SFNClient({
    ...clientOptions({ endpoint: 'http://127.0.0.1:9' }),
    maxAttempts: 1,
  });
  const executions = new SfnExecutions(client, 'arn:aws:states:us-east-1:000000000000:stateMachine:any');

  await expect(
    executions.start('job-00000001-a1', { jobId: 'job-00000001' as JobId, attempt: 1 }),
  ).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
});
