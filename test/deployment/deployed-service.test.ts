import { gunzipSync, gzipSync } from 'node:zlib';
import { CloudWatchClient, ListMetricsCommand, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signingFetch } from '../../cli/api/signing-fetch.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { itExcept, MINISTACK_DEPLOYMENT } from '../fixtures/deviations.ts';
import { PATIENT_MARKS, withPatientText } from '../fixtures/patient-text.ts';
import { zipOf } from '../fixtures/weights.ts';
import { objectCreated } from '../lambdas/aws-events.ts';
import { deployedService, eventually, messagesIn, type DeployedService } from './deployed-service.ts';
import { MACHINE, STAGE } from './deployed-stacks.ts';
import { clientOf, REGION } from './emulated-account.ts';
import { everything, innerDocuments } from './everything.ts';
import {
  ctFile,
  dropped,
  droppedKeys,
  ended,
  executions,
  sent,
  submitted,
  WAIT_SCALE,
  visibleAfter,
  waiting,
  walked,
  worked,
  WORKER_BROKEN,
  WORKER_DONE,
  WORKER_LATE,
} from './flows.ts';
import { physicalName, userWith, withoutActions } from './identities.ts';

let service: DeployedService;
beforeAll(async () => {
  service = await deployedService();
  await service.account.scaleWaits(WAIT_SCALE);
  await visibleAfter(service, 2);
});
afterAll(() => service?.stop());

const ct = async () => ({ name: 'ct.nii.gz', body: await ctFile() });
/** All that the workers of a job have logged. */
const SEARCH = /Log of the worker: https:\S+\/log-events\$3FfilterPattern\$3D\$2522[a-z]-\w+\$2522$/;
const serviceStack = `Hpb-${STAGE}-Service`;
const policyOf = (handler: string): Promise<string> =>
  physicalName(service.account, serviceStack, `${handler}Policy`);

describe('who calls a deployment', () => {
  it('is refused without a signature, in a problem document', async () => {
    const answer = await fetch(`${service.endpoint}/jobs`);

    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'ACCESS_REFUSED' });
  });

  it('may drop objects into a folder and do nothing else with them', async () => {
    const { key } = await dropped(service, `readable-${crypto.randomUUID()}.pdf`, 'no CT');
    const Bucket = service.outputs.Data['IngestBucketName']!;

    await expect(service.sender.send(new GetObjectCommand({ Bucket, Key: key }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    await expect(
      service.sender.send(new PutObjectCommand({ Bucket, Key: 'ingest/other/a.zip', Body: 'zip' })),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('a job of a deployment', () => {
  it('goes from a signed call to a result, a metric and an announcement', async () => {
    const { jobId, job } = await worked(service, async () => submitted(service, await ct()));

    expect(job).toMatchObject({ state: 'SUCCEEDED', counts: { total: 1, succeeded: 1, failed: 0 } });
    expect(await walked(service, jobId)).toMatchObject({
      status: 'SUCCEEDED',
      states: [
        'PrepareJob',
        'IsArchiveTooLarge',
        'IsAnyCaseFit',
        'SegmentCases',
        'IsResultTooLarge',
        'PublishResults',
        'IsAnyCaseSucceeded',
        'JobDone',
      ],
    });
    const { url, bytes } = await service.caller.result(jobId);
    expect((await (await fetch(url)).bytes()).length).toBe(bytes);
    const { Metrics = [] } = await service.administrator.metrics.send(
      new ListMetricsCommand({ Namespace: metricNamespace(STAGE) }),
    );
    expect(Metrics.map(({ MetricName }) => MetricName)).toEqual(
      expect.arrayContaining(['JobsFinished', 'CasesEnded']),
    );
    const announced = await eventually('the announcement', async () => {
      const texts = await messagesIn(service.account, service.announcements);
      return texts.find((text) => text.includes(jobId)) ?? null;
    });
    expect(JSON.parse(JSON.parse(announced).Message)).toMatchObject({
      event: 'job.finished',
      jobId,
      state: 'SUCCEEDED',
    });
  });

  it.each([
    ['fails', WORKER_BROKEN, 'DEVICE_FAULT', /Log of the worker: https:\S+\/worker\$252Fdefault\$252Fone$/],
    ['runs out of time', WORKER_LATE, 'JOB_TIMEOUT', SEARCH],
    // What Step Functions knows nothing of: its worker ended well.
    ['is gone without a result', WORKER_DONE, 'UNCLEAN_EXIT', SEARCH],
  ] as const)('whose worker %s ends with a code, and with its log', async (_how, answer, code, log) => {
    await service.account.mock(MACHINE, { RunShard: answer });
    const jobId = await submitted(service, await ct());

    const job = await ended(service, jobId);
    expect(job).toMatchObject({ state: 'FAILED', cases: [{ state: 'failed', error: { code } }] });
    const { status, states, cause } = await walked(service, jobId);
    expect(status).toBe('FAILED');
    expect(states.at(-1)).toBe('JobFailed');
    expect(cause).toMatch(log);
  });
});

describe('a job that is purged', () => {
  it('leaves no version of its objects or its upload', async () => {
    const { account, administrator, outputs, endpoint, access } = service;
    await account.mock(MACHINE, { RunShard: WORKER_DONE });
    const jobId = await submitted(service, await ct());
    await ended(service, jobId);
    await walked(service, jobId);
    const call = signingFetch({ region: REGION, credentials: access });
    const answer = await call(new Request(`${endpoint}/jobs/${jobId}?purge=true`, { method: 'DELETE' }));

    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { versions: number }).versions).toBeGreaterThan(5);
    const Bucket = outputs.Data['JobsBucketName']!;
    const { Versions = [], DeleteMarkers = [] } = await administrator.s3.send(
      new ListObjectVersionsCommand({ Bucket }),
    );
    const left = [...Versions, ...DeleteMarkers].map(({ Key }) => Key!);
    expect(left.filter((key) => key.startsWith(`jobs/${jobId}/`))).toEqual([]);
    expect(left.filter((key) => key.includes(jobId) && !key.startsWith('index/'))).toEqual([]);
  });
});

describe('an object that is dropped', () => {
  it('starts one execution, however often and in which order its events come', async () => {
    await service.account.mock(MACHINE, { RunShard: WORKER_DONE });
    const before = await executions(service);
    const queue = service.outputs.Service['IngestQueueUrl']!;
    const name = `Leber ü +&(1) ${crypto.randomUUID()}.nii.gz`;
    const facts = await dropped(service, name, await ctFile());
    const other = { ...facts, tag: 'older-version' };
    for (const one of [facts, other, facts]) await sent(service, queue, objectCreated(one));

    await eventually('an empty queue', async () => ((await waiting(service, queue)) === 0 ? true : null));
    const started = (await executions(service)).filter((one) => !before.includes(one));
    expect(started).toHaveLength(1);
    expect(await service.jobs.list('uploads/')).not.toEqual([]);
  });

  it('becomes a dead letter when nobody can read its message', async () => {
    const { IngestQueueUrl: queue, IngestDeadLettersUrl: dead } = service.outputs.Service;
    await visibleAfter(service, 1);
    await sent(service, queue!, 'no event');

    const letter = await eventually('a dead letter', async () => {
      const letters = await messagesIn(service.account, dead!);
      return letters.find((one) => one === 'no event') ?? null;
    });
    expect(letter).toBe('no event');
    await visibleAfter(service, 2);
  });
});

describe('without a permission', () => {
  it('of S3 the API takes no upload, and says that the store is away', async () => {
    const policy = await policyOf('ApiHandler');
    const open = () => service.caller.openUpload({ fileName: 'ct.nii.gz', sizeBytes: 1 });

    await withoutActions(service.account, policy, ['s3:PutObject'], async () => {
      await expect(open()).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    });
    expect(await open()).toMatchObject({ state: 'open' });
  });

  it('to start the workflow a drop waits in the queue until it is given back', async () => {
    await service.account.mock(MACHINE, { RunShard: WORKER_DONE });
    const before = await executions(service);
    const policy = await policyOf('IngestHandler');
    // Tries that fail are few: the first one is to be the only one.
    await visibleAfter(service, 15);
    await withoutActions(service.account, policy, ['states:StartExecution'], async () => {
      await dropped(service, `held-${crypto.randomUUID()}.nii.gz`, await ctFile());
      await eventually('a refused start', async () =>
        (await everything(service)).logs.includes('"code":"SERVICE_UNREACHABLE"') ? true : null,
      );
      expect(await executions(service)).toEqual(before);
    });

    await eventually('the start', async () =>
      (await executions(service)).length > before.length ? true : null,
    );
    await visibleAfter(service, 2);
  });
});

describe('names and text of a patient', () => {
  const PATIENT = `Mustermann-${crypto.randomUUID().slice(0, 8)}`;
  const marked = async (): Promise<Buffer> => {
    const ct = gzipSync(withPatientText(gunzipSync(await ctFile())));
    return zipOf({ [`${PATIENT}-folder/${PATIENT}-ct.nii.gz`]: ct, [`${PATIENT}.txt`]: 'no case' });
  };
  const marks = [PATIENT, ...PATIENT_MARKS];
  const marksOf = (text: string): readonly string[] => marks.filter((mark) => text.includes(mark));

  it('come back to the caller and stand nowhere else', async () => {
    const { account, outputs } = service;
    const file = { name: `${PATIENT}-archive.zip`, body: await marked() };
    const { jobId, job, printed } = await worked(service, () => submitted(service, file, 'batch'));
    expect(JSON.stringify(job)).toContain(PATIENT);
    expect(job).toMatchObject({ state: 'SUCCEEDED' });
    // A drop beside it, which is refused: its name stays with the reason alone.
    await dropped(service, `${PATIENT}-letter.pdf`, PATIENT);
    await eventually(
      'the reason',
      async () => (await droppedKeys(service, 'ingest-rejected/')).at(-1) ?? null,
    );
    await dropped(service, `${PATIENT}-dropped.zip`, await marked());
    await eventually('an empty bucket', async () =>
      (await droppedKeys(service, 'ingest/')).length === 0 ? true : null,
    );
    await eventually('an empty queue', async () =>
      (await waiting(service, outputs.Service['IngestQueueUrl']!)) === 0 ? true : null,
    );

    const found = await everything(service);
    expect(found.executions).toContain(jobId);
    expect(found.keys).toContain(`liverCases/${jobId}-c0001/manifest.json`);
    expect(found.logs).toContain('job:finished');
    expect(found.logs).toContain('ingest:rejected');
    expect(found.metrics).toContain('CaseSeconds');
    const announced = (await messagesIn(account, service.announcements)).join('\n');
    const texts = { ...found, announced, worker: printed, documents: await innerDocuments(service) };
    expect(Object.entries(texts).map(([place, text]) => [place, marksOf(text)])).toEqual(
      Object.keys(texts).map((place) => [place, []]),
    );
  });
});

describe('MiniStack', () => {
  const itOfAws = itExcept(MINISTACK_DEPLOYMENT);
  const bound = async (Action: string, key: string, value: string) => {
    const Condition = { StringEquals: { [key]: value } };
    const Statement = [{ Effect: 'Allow', Action, Resource: '*', Condition }];
    return clientOf(
      service.account,
      await userWith(service.account, value, { Version: '2012-10-17', Statement }),
    );
  };

  itOfAws('lets somebody put metrics who is bound to a namespace', async () => {
    const client = new CloudWatchClient(
      await bound('cloudwatch:PutMetricData', 'cloudwatch:namespace', 'Bound'),
    );
    await client.send(
      new PutMetricDataCommand({ Namespace: 'Bound', MetricData: [{ MetricName: 'One', Value: 1 }] }),
    );
  });

  itOfAws('lets somebody put events who is bound to a source', async () => {
    const client = new EventBridgeClient(await bound('events:PutEvents', 'events:source', 'bound'));
    const Entries = [{ Source: 'bound', DetailType: 'One', Detail: '{}' }];
    await client.send(new PutEventsCommand({ Entries }));
  });

  itOfAws('lets a state do only what the role of the workflow may', async () => {
    await service.account.mock(MACHINE, { RunShard: WORKER_DONE });
    const policy = await policyOf('Workflow');
    await withoutActions(service.account, policy, ['lambda:InvokeFunction'], async () => {
      const { states } = await walked(service, await submitted(service, await ct()));
      expect(states.at(-1)).toBe('JobLost');
    });
  });

  itOfAws('keeps objects under the key of the deployment', async () => {
    const { s3 } = service.administrator;
    const Bucket = service.outputs.Data['JobsBucketName']!;
    await service.jobs.put('jobs/under-key', 'text');
    const { SSEKMSKeyId } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'jobs/under-key' }));
    expect(SSEKMSKeyId).toBe(service.outputs.Data['KeyArn']);
  });
});
