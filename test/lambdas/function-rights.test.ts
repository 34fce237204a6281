import './deployed-environment.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { canaryPhantom } from '../../core/canary.ts';
import {
  caseIdOf,
  caseInputKey,
  caseResultKey,
  caseZipKey,
  jobPlanKey,
  uploadInputKey,
  type CaseId,
  type JobId,
  type UploadId,
} from '../../core/layout.ts';
import { openUpload } from '../../core/use-cases/uploads.ts';
import { create as api } from '../../lambdas/api.ts';
import { create as canary } from '../../lambdas/canary.ts';
import { create as failJob } from '../../lambdas/fail-job.ts';
import { create as ingest } from '../../lambdas/ingest.ts';
import { create as prepareJob } from '../../lambdas/prepare-job.ts';
import { create as publishResults } from '../../lambdas/publish-results.ts';
import { create as recordShardFailure } from '../../lambdas/record-shard-failure.ts';
import { create as sweep } from '../../lambdas/sweep.ts';
import { smallCt } from '../container/worker-bench.ts';
import { askedPorts, type AskedPorts } from '../fakes/asked-rights.ts';
import { held } from '../fixtures/granted-rights.ts';
import { storeResult, submittedJob, uploadOf } from '../fakes/stored-job.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { zipOf } from '../fixtures/weights.ts';
import { objectCreated, queueBatch, restCall } from './aws-events.ts';

const HOUR_MS = 3_600_000;
let ct: Buffer;
beforeEach(async () => {
  const path = join(tempFolder(), 'ct.nii.gz');
  await writeNifti(path, smallCt());
  ct = await readFile(path);
});

const NONE = { refused: [], idle: [] };

/** An upload of these bytes; returns its id. */
async function sent({ others }: AskedPorts, bytes: Uint8Array, fileName: string): Promise<UploadId> {
  const uploadId = await uploadOf(others, bytes.length, fileName);
  await others.store.put(uploadInputKey(uploadId), bytes);
  return uploadId;
}

/** A job of such an upload. */
async function jobOf(world: AskedPorts, bytes: Uint8Array, target: 'batch' | 'liver'): Promise<JobId> {
  const uploadId = await sent(world, bytes, target === 'liver' ? 'ct.nii.gz' : 'cases.zip');
  const model = target === 'batch' ? { model: 'liver' as const } : {};
  return submittedJob(world.others, { target, body: { uploadId, ...model } });
}

/** Gives the stored result of a case a ZIP that can be read. */
async function packResult({ store }: AskedPorts['others'], jobId: JobId, caseId: CaseId): Promise<void> {
  const { key, bytes } = await store.put(caseZipKey(jobId, caseId), await zipOf({ 'meta.json': '{}' }));
  const result = store.json(caseResultKey(jobId, caseId)) as object;
  const zip = { key, bytes, sha256: '0'.repeat(64) };
  await store.put(caseResultKey(jobId, caseId), JSON.stringify({ ...result, zip }));
}

const prepare = (ports: AskedPorts['ports'], jobId: JobId) =>
  prepareJob(ports)({ phase: 'prepare', jobId, attempt: 1 });

describe('the role of each function allows what the function asks, and no more:', () => {
  it('PrepareJob', async () => {
    const world = askedPorts();
    await prepare(world.ports, await jobOf(world, ct, 'liver'));
    await prepare(world.ports, await jobOf(world, await zipOf({ 'one/raw.nii.gz': ct }), 'batch'));
    const uploadId = await sent(world, ct, 'ct.nii.gz');
    const manifest = JSON.stringify({ cases: [{ uploadId, name: 'one' }] });
    await prepare(world.ports, await jobOf(world, Buffer.from(manifest), 'batch'));
    const deaf = askedPorts({ tellingFails: true });
    const bad = prepare(deaf.ports, await jobOf(deaf, Buffer.from('no archive'), 'batch'));
    await expect(bad).rejects.toMatchObject({ name: 'ARCHIVE_UNREADABLE' });

    expect(held('PrepareJobRole', [...world.asked, ...deaf.asked])).toEqual(NONE);
  });

  it('RecordShardFailure', async () => {
    const { ports, asked, others } = await running();

    expect(asked).toEqual([]);
    const [shard] = others.store.json(jobPlanKey(jobIn(others), 1)) as readonly object[];
    await recordShardFailure(ports)({ shard, failure: { Error: 'States.Timeout' } });

    await others.store.removeAll('jobs/');
    const purged = recordShardFailure(ports)({ shard, failure: { Error: 'States.Timeout' } });
    await expect(purged).rejects.toMatchObject({ name: 'OBJECT_NOT_FOUND' });

    expect(held('RecordShardFailureRole', asked)).toEqual(NONE);
  });

  it('PublishResults', async () => {
    const { ports, asked, others } = await running({ tellingFails: true });
    await storeResult(others, jobIn(others), caseIdOf(1));
    await packResult(others, jobIn(others), caseIdOf(1));
    await publishResults(ports)({ phase: 'publish', jobId: jobIn(others), attempt: 1 });

    expect(held('PublishResultsRole', asked)).toEqual(NONE);
  });

  it('FailJob', async () => {
    const { ports, asked, others } = await running({ tellingFails: true });
    await failJob(ports)({ jobId: jobIn(others), attempt: 1, failure: { Error: 'States.Timeout' } });

    expect(held('FailJobRole', asked)).toEqual(NONE);
  });

  it('the API', async () => {
    const { ports: all, asked, others } = await running({ tellingFails: true });
    const ports = { ...all, limits: { ...all.limits, multipartFromBytes: 20, partBytes: 10 } };
    const call = async (method: string, path: string, body?: unknown) => {
      const answer = await api(ports)(restCall(method, path, body));
      return { status: answer.statusCode, json: answered(answer.body) };
    };
    const open = (sizeBytes: number) => call('POST', '/uploads', { fileName: 'ct.nii.gz', sizeBytes });
    await open(10);
    const { uploadId } = (await open(30)).json;
    await call('POST', `/uploads/${uploadId}/parts`);
    for (const part of [1, 2, 3])
      others.links.sendPart({ url: `memory://x?part=${part}&upload=m1` }, new Uint8Array(10));
    expect((await call('POST', `/uploads/${uploadId}/complete`)).status).toBe(200);
    const grid = { dims: [64, 64, 40], spacingMm: [3, 3, 3] };
    expect((await call('POST', '/estimate', { grid })).status).toBe(200);
    const { status, json } = await call('POST', '/segment/liver', { uploadId });
    expect(status).toBe(202);
    const jobId = jobIn(others);
    for (const path of ['/jobs', '/readinessz', '/version', `/jobs/${jobId}`, `/jobs/${jobId}/logs`])
      expect([path, (await call('GET', path)).status]).toEqual([path, 200]);
    await call('DELETE', `/jobs/${jobId}`);
    expect((await call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
    expect((await call('DELETE', `/jobs/${json['jobId']}?purge=true`)).status).toBe(200);

    expect(held('ApiHandlerRole', asked)).toEqual(NONE);
  });

  it('ingestion', async () => {
    const { ports, asked, others } = askedPorts();
    const messages = { comeAgain: () => Promise.resolve() };
    const drop = async (name: string, body: string | Uint8Array = 'bytes') =>
      ingest(
        ports,
        messages,
      )(queueBatch(objectCreated(await others.store.put(`ingest/clinic/${name}`, body))));
    // Left by a writer that died.
    await others.store.put('index/states/QUEUED/8300000000000-j-000000000099', '');
    others.time.now += HOUR_MS;
    await drop('ct.nii.gz', ct);
    await drop('letter.pdf');
    await others.store.put('ingest/clinic/folder/a/raw.nii.gz', ct);
    await drop('folder/_READY', '');

    expect(others.log.lines.filter(({ event }) => event === 'ingest:accepted')).toHaveLength(2);
    // It looks at its entries when a job fails between two looks at it.
    expect(held('IngestHandlerRole', asked)).toEqual({ refused: [], idle: ['s3:GetObject jobs:index/*'] });
  });

  it('the sweeper', async () => {
    const world = await running();
    const { ports, asked, others } = world;
    others.executions.beforeStart = () => {
      throw new Error('the process died');
    };
    await jobOf(world, ct, 'liver').catch(() => undefined);
    others.executions.beforeStart = () => undefined;
    await others.store.put('ingest/clinic/forgotten.zip', 'bytes');
    await others.store.put('index/purged/j-000000000099', '');
    await others.store.put('jobs/j-000000000099/late', '');
    await sweep(ports, 30)({});
    const parts = { ...others, limits: { ...others.limits, multipartFromBytes: 1 } };
    await openUpload(parts, { fileName: 'ct.nii.gz', sizeBytes: 1 });
    // The first one runs past its deadline.
    for (const [name, facts] of [...others.executions.facts].slice(1))
      others.executions.facts.set(name, { ...facts, status: 'FAILED' });
    await sweep(ports, 30)({});
    others.time.now += 31 * 24 * HOUR_MS;
    await sweep(ports, 30)({});
    others.time.now += 31 * 24 * HOUR_MS;
    await sweep(ports, 30)({});

    expect(others.store.keys('jobs/')).toEqual([]);
    expect(held('SweeperRole', asked)).toEqual(NONE);
  });

  it('the canary', async () => {
    const { ports, asked, others } = askedPorts();
    const round = () => canary(ports, { everyHours: 24, phantom: canaryPhantom })({});
    await round();
    others.time.now += 30 * 24 * HOUR_MS;

    expect(await round()).toMatchObject({ canary: 'failed', reason: 'still QUEUED' });
    expect(held('CanaryHandlerRole', asked)).toEqual(NONE);
  });
});

it('the workflow itself may read lists of shards, and nothing else of a job', () => {
  const read = (key: string) => held('WorkflowRole', [{ action: 's3:GetObject', of: `jobs:${key}` }]).refused;
  const jobId = 'j-000000000001' as JobId;

  expect(read(jobPlanKey(jobId, 1))).toEqual([]);
  expect(read(caseInputKey(jobId, caseIdOf(1)))).toHaveLength(1);
});

/** A job whose shards are planned. */
async function running(how: Parameters<typeof askedPorts>[0] = {}): Promise<AskedPorts> {
  const world = askedPorts(how);
  const jobId = await jobOf(world, await zipOf({ 'one/raw.nii.gz': ct }), 'batch');
  await prepareJob(world.others)({ phase: 'prepare', jobId, attempt: 1 });
  return world;
}

/** Logs are no JSON. */
function answered(body: string): Readonly<Record<string, string>> {
  return body.startsWith('{') ? (JSON.parse(body) as Record<string, string>) : {};
}

/** The first job that there was. */
function jobIn({ store }: AskedPorts['others']): JobId {
  const [, jobId] = /^jobs\/([^/]+)\//.exec(store.keys('jobs/')[0]!)!;
  return jobId as JobId;
}
