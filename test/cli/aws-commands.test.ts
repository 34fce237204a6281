import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { askApi } from '../../cli/aws-doctor.ts';
import { parseSettings } from '../../core/settings.ts';
import { clientOptions, ministack, uniqueName } from '../fixtures/emulators.ts';
import { startNode } from '../fixtures/hpb-command.ts';
import { serviceServer } from '../fixtures/service-server.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const NEVER = new AbortController().signal;

/** `hpb` as a process of its own whose AWS is MiniStack. */
async function hpbAws(...args: string[]) {
  const { endpoint } = await ministack();
  return startNode(['cli/hpb.js', ...args], {
    HPB_DATA_ROOT: tempFolder(),
    AWS_ENDPOINT_URL: endpoint,
    // MiniStack answers some calls with an error that the SDK would repeat.
    AWS_MAX_ATTEMPTS: '1',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }).ended;
}

/** A service stack that names queues of its own; no more of it is there. */
async function serviceStack(): Promise<string> {
  const stage = uniqueName('t');
  const name = (part: string): string => `${stage}-${part}`;
  const queue = (part: string) => ({ Type: 'AWS::SQS::Queue', Properties: { QueueName: name(part) } });
  const TemplateBody = JSON.stringify({
    Resources: { Queue: queue('queue'), Dead: queue('dead') },
    Outputs: {
      IngestQueueUrl: { Value: { Ref: 'Queue' } },
      IngestQueueArn: { Value: { 'Fn::GetAtt': ['Queue', 'Arn'] } },
      IngestDeadLettersUrl: { Value: { Ref: 'Dead' } },
      IngestDeadLettersArn: { Value: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
    },
  });
  const client = new CloudFormationClient(clientOptions(await ministack()));
  await client.send(new CreateStackCommand({ StackName: `Hpb-${stage}-Service`, TemplateBody }));
  return stage;
}

/** An address that always answers so. */
async function answering(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(status).end(body));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('hpb doctor --aws', () => {
  it('says of an account without a deployment what lacks, with remedies, and leaves with 1', async () => {
    const { code, stdout } = await hpbAws('doctor', '--aws', '--stage', 'nowhere');

    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok {4}Identity: arn:aws:/);
    expect(stdout).toMatch(/^FAIL {2}Stack Hpb-nowhere-Data: is not there\n {6}Deploy it/m);
  });
});

describe('the API, asked whether it is ready', () => {
  const ask = (url: string) => askApi(url, parseSettings({}), NEVER);

  it('of a service that runs says so', async () => {
    const { url } = await serviceServer();

    expect(await ask(url)).toEqual({ answered: 'ready' });
  });

  it.each([
    [
      503,
      '{"ready":false,"checks":{},"errors":["No weights."]}',
      { answered: 'not ready', errors: ['No weights.'] },
    ],
    [403, '{"message":"Forbidden"}', { answered: 'refused', status: 403 }],
    [502, 'Bad gateway', { answered: 'otherwise', status: 502 }],
    [200, '<html>', { answered: 'otherwise', status: 200 }],
  ])('with HTTP %d is taken for what it says', async (status, body, expected) => {
    expect(await ask(await answering(status, body))).toEqual(expected);
  });
});

describe('hpb redrive', () => {
  it('--dry-run counts and leaves with 0', async () => {
    const stage = await serviceStack();

    const { code, stdout } = await hpbAws('redrive', '--stage', stage, '--dry-run', '--json');

    expect([code, JSON.parse(stdout)]).toEqual([0, { deadLetters: 0, queue: 0, moved: null }]);
  });

  it('says where it has looked when there is no such deployment', async () => {
    const { code, stderr } = await hpbAws('redrive', '--stage', 'nowhere');

    expect(code).toBe(16);
    expect(stderr).toContain('Hpb-nowhere-Service');
  });
});
