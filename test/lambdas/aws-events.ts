import { createHash } from 'node:crypto';
import type { LambdaEvent } from 'hono/aws-lambda';
import type { ObjectFacts } from '../../core/ports.ts';

/** Events as AWS sends them: every field that the services document, with made-up values. */

const ACCOUNT = '123456789012';
const REGION = 'eu-central-1';
const TIME = '2026-11-25T09:40:23Z';

/** How an object came to be. */
export type Reason = 'PutObject' | 'CompleteMultipartUpload' | 'CopyObject';

/** `Object Created` of S3 on the default event bus. Keys are as they are: EventBridge, unlike S3 itself, encodes none. */
export function objectCreated(
  { key, bytes, tag }: Pick<ObjectFacts, 'key' | 'bytes' | 'tag'>,
  reason: Reason = 'PutObject',
): object {
  return {
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: ACCOUNT,
    time: TIME,
    region: REGION,
    resources: ['arn:aws:s3:::hpb-ingest'],
    detail: {
      version: '0',
      bucket: { name: 'hpb-ingest' },
      object: {
        key,
        size: bytes,
        etag:
          reason === 'CompleteMultipartUpload'
            ? '9bb58f26192e4ba00f01e2e7b136bbd8-4'
            : 'b1946ac92492d2347c62',
        'version-id': tag,
        sequencer: '00617F08299329D189',
      },
      'request-id': 'N4N7GDK58NMKJ12R',
      requester: ACCOUNT,
      'source-ip-address': '192.0.2.14',
      reason,
    },
  };
}

/** What Lambda hands over of a queue: one record for each body. */
export function queueBatch(...bodies: readonly (object | string)[]) {
  return queueBatchAgain(1, ...bodies);
}

/** The same for the n-th time that its messages come. */
export function queueBatchAgain(received: number, ...bodies: readonly (object | string)[]) {
  return {
    Records: bodies.map((body, index) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return {
        messageId: `059f36b4-87a3-44ab-83d2-66197553${String(index).padStart(4, '0')}`,
        receiptHandle: `AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a${index}`,
        body: text,
        attributes: {
          ApproximateReceiveCount: String(received),
          SentTimestamp: '1795599623000',
          SenderId: 'AIDAIENQZJOLO23YVJ4VO',
          ApproximateFirstReceiveTimestamp: '1795599623010',
        },
        messageAttributes: {},
        md5OfBody: createHash('md5').update(text).digest('hex'),
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:Hpb-dev-Service-Dropped`,
        awsRegion: REGION,
      };
    }),
  };
}

/** `Step Functions Execution Status Change`. */
export function executionEnded(
  name: string,
  status: string,
  error?: { error: string; cause: string },
): object {
  const machine = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:hpb-dev`;
  const executionArn = `${machine.replace('stateMachine', 'execution')}:${name}`;
  return {
    version: '0',
    id: '315c1398-40ff-a850-213b-158f73e60175',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: ACCOUNT,
    time: TIME,
    region: REGION,
    resources: [executionArn],
    detail: {
      executionArn,
      stateMachineArn: machine,
      name,
      status,
      startDate: 1_795_599_000_000,
      stopDate: 1_795_599_623_000,
      input: null,
      output: null,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      redriveCount: 0,
      redriveDate: null,
      redriveStatus: 'NOT_REDRIVABLE',
      error: error?.error ?? null,
      cause: error?.cause ?? null,
    },
  };
}

/** A call of a REST API (payload 1.0) with IAM authorisation, by its default address. */
export function restCall(
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): LambdaEvent {
  const headers: Readonly<Record<string, string>> = {
    Accept: '*/*',
    'Content-Type': type,
    Host: 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com',
    'X-Amz-Date': '20261125T094023Z',
    'X-Forwarded-For': '192.0.2.14',
    'X-Forwarded-Proto': 'https',
  };
  return {
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      resourceId: 'ab12cd',
      resourcePath: '/{proxy+}',
      httpMethod: method,
      extendedRequestId: 'Zz9=',
      requestTime: '25/Nov/2026:09:40:23 +0000',
      path: `/dev${path}`,
      accountId: ACCOUNT,
      protocol: 'HTTP/1.1',
      stage: 'dev',
      domainPrefix: 'a1b2c3d4e5',
      domainName: 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com',
      requestTimeEpoch: 1_795_599_623_000,
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
      apiId: 'a1b2c3d4e5',
      identity: {
        accountId: ACCOUNT,
        caller: 'AROAEXAMPLE:pipeline',
        userArn: `arn:aws:sts::${ACCOUNT}:assumed-role/pipeline/pipeline`,
        user: 'AROAEXAMPLE:pipeline',
        sourceIp: '192.0.2.14',
        userAgent: 'hpb',
      },
    },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    isBase64Encoded: false,
  } as unknown as LambdaEvent;
}
