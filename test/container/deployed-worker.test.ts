import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CloudWatchClient, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it, onTestFinished } from 'vitest';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { S3ObjectStore } from '../../adapters/s3-object-store.ts';
import { S3SignedLinks } from '../../adapters/s3-signed-links.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { writeZip } from '../../adapters/zip-archive.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import {
  caseIdOf,
  caseInputKey,
  caseResultKey,
  caseZipKey,
  jobCasesKey,
  jobZipKey,
  MODELS_PREFIX,
  modelsManifestKey,
  shardKey,
  uploadInputKey,
} from '../../core/layout.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { caseResult } from '../../core/shard.ts';
import { prepareJob } from '../../core/use-cases/prepare-job.ts';
import { DEFAULT_LIMITS, type ServicePorts } from '../../core/use-cases/service-ports.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { openUpload } from '../../core/use-cases/uploads.ts';
import { emulatedBucket } from '../fixtures/emulated-bucket.ts';
import { clientOptions, ministack } from '../fixtures/emulators.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { metadataService } from '../fixtures/metadata-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { fakeSet } from '../fixtures/weights.ts';
import { JOB, shardOf, smallCt } from './worker-bench.ts';

const MAIN = join(import.meta.dirname, '../../container/main.ts');
const clock = systemClock;

/** A deployment in MiniStack, and a machine of it whose engine behaves as told. */
async function deployment(behaviour: string) {
  const [{ endpoint }, jobs, models, metadata] = await Promise.all([
    ministack(),
    emulatedBucket(),
    emulatedBucket(),
    metadataService(),
  ]);
  const folder = tempFolder();
  const store = new S3ObjectStore({ client: jobs.client, bucket: jobs.bucket, clock });
  await pushWeights(new S3ObjectStore({ client: models.client, bucket: models.bucket, clock }));
  const environment: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    HPB_STAGE: 'test',
    HPB_JOBS_BUCKET: jobs.bucket,
    HPB_MODELS_BUCKET: models.bucket,
    HPB_DATA_ROOT: join(folder, 'scratch'),
    HPB_MODELS_ROOT: join(folder, 'models'),
    HPB_VENV: fakeVenv(folder, behaviour),
    HPB_WEIGHTS: 'real',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_CLOUDWATCH: endpoint,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.endpoint,
  };
  mkdirSync(environment['HPB_DATA_ROOT']!);
  return { folder, jobs, store, metadata, environment };
}

async function pushWeights(store: S3ObjectStore): Promise<void> {
  const sets: Record<string, { files: Record<string, { bytes: number; sha256: string }> }> = {};
  for (const id of ['ts297', 'ts298'] as const) {
    sets[id] = { files: {} };
    for (const [path, content] of Object.entries(fakeSet(id))) {
      await store.put(`${MODELS_PREFIX}totalseg/${path}`, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      sets[id].files[`totalseg/${path}`] = { bytes: Buffer.byteLength(content), sha256 };
    }
  }
  await store.put(modelsManifestKey(), JSON.stringify({ schemaVersion: 1, kind: 'real', sets }));
}

interface Line {
  readonly event: string;
  readonly code?: string;
}

function worker(
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  onLine: (line: Line) => void = () => undefined,
): Promise<{ exit: number | null; lines: Line[] }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      lines.push(line);
      onLine(line);
    }
  });
  return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, lines })));
}

/** Puts a shard of so many CTs into the jobs bucket. */
async function withShard(cases: number, { store, folder }: Awaited<ReturnType<typeof deployment>>) {
  for (let at = 1; at <= cases; at += 1) {
    const path = join(folder, 'ct.nii.gz');
    await writeNifti(path, smallCt(at));
    await store.putFile(caseInputKey(JOB, caseIdOf(at)), path);
  }
  await store.put(shardKey(JOB, 1, 1), JSON.stringify(shardOf(cases, ['liver'])));
  return ['--shard-key', shardKey(JOB, 1, 1)] as const;
}

describe('the worker of a deployment', () => {
  it('runs a shard from S3, keeps the weights for the next, and tells CloudWatch', async () => {
    const place = await deployment('ok');
    const args = await withShard(1, place);
    const environment = { ...place.environment, HPB_DEVICE: 'cpu' };
    const [first, second] = [await worker(environment, args), await worker(environment, args)];

    expect([first.exit, second.exit]).toEqual([WORKER_EXIT.done, WORKER_EXIT.done]);
    const text = new TextDecoder().decode(await place.store.get(caseResultKey(JOB, caseIdOf(1))));
    expect(caseResult.parse(JSON.parse(text))).toMatchObject({ outcome: 'succeeded', demo: false });
    expect(await place.store.head(caseZipKey(JOB, caseIdOf(1)))).not.toBeNull();
    const count = ({ lines }: typeof first, event: string): number =>
      lines.filter((line) => line.event === event).length;
    expect([count(first, 'weights:fetched'), count(second, 'weights:fetched')]).toEqual([2, 0]);
    expect(count(second, 'case:skipped')).toBe(1);
    const client = new CloudWatchClient(clientOptions(await ministack()));
    const { Metrics = [] } = await client.send(
      new ListMetricsCommand({ Namespace: metricNamespace('test') }),
    );
    const names = Metrics.map(({ MetricName }) => MetricName);
    expect(names).toEqual(
      expect.arrayContaining(['CasesEnded', 'ColdStartSeconds', 'WeightsSeconds', 'EstimatedCostUsd']),
    );
  });

  it.each([
    ['a card that computes wrongly', 'sick-gpu', WORKER_EXIT.deviceFault, 'DEVICE_FAULT'],
    ['no card', 'no-gpu', WORKER_EXIT.deviceFault, 'DEVICE_UNAVAILABLE'],
    ['a card that torch has no code for', 'old-torch', WORKER_EXIT.unexpected, 'DEVICE_UNAVAILABLE'],
  ])('takes no case with %s', async (_, behaviour, exitCode, code) => {
    const place = await deployment(behaviour);
    const args = await withShard(1, place);
    const { exit, lines } = await worker(place.environment, args);

    expect({ exit, code: lines.at(-1)?.code }).toEqual({ exit: exitCode, code });
    expect(lines.map(({ event }) => event)).not.toContain('case:start');
    expect(await place.store.head(caseResultKey(JOB, caseIdOf(1)))).toBeNull();
  });

  it('asks its engine for CUDA where nobody named a device', async () => {
    const place = await deployment('ok');
    const environment = { ...place.environment, TOTALSEGMENTATOR_FORCE_CUDA: '1', HPB_DEVICE: 'cpu' };
    const args = await withShard(1, place);

    // The contradiction shows that the setting is heard; `auto` becomes `cuda` and starts.
    expect((await worker(environment, args)).exit).toBe(WORKER_EXIT.unexpected);
    expect((await worker({ ...place.environment, HPB_DEVICE: 'auto' }, args)).exit).toBe(WORKER_EXIT.done);
  });

  it('ends with 75 when its spot machine is taken away, the running case finished', async () => {
    const place = await deployment('leisurely');
    const args = await withShard(6, place);
    const { exit, lines } = await worker({ ...place.environment, HPB_DEVICE: 'cpu' }, args, ({ event }) => {
      if (event === 'case:start') place.metadata.interrupt(Date.now() + 120_000);
    });

    expect(exit).toBe(WORKER_EXIT.interrupted);
    const events = lines.map(({ event }) => event);
    expect(events).toContain('worker:spot-notice');
    const count = (name: string): number => events.filter((event) => event === name).length;
    // The one that was prepared meanwhile is left to the next machine.
    const begun = count('case:start') - count('case:put-back');
    expect(count('case:succeeded')).toBe(begun);
    expect(begun).toBeLessThan(6);
  });

  it('says which name its deployment lacks', async () => {
    const { environment } = await deployment('ok');
    const { exit, lines } = await worker({ ...environment, HPB_MODELS_BUCKET: '' }, [
      '--shard-key',
      'jobs/a',
    ]);

    expect({ exit, code: lines.at(-1)?.code }).toEqual({
      exit: WORKER_EXIT.unexpected,
      code: 'SETTINGS_INVALID',
    });
  });

  it('unpacks an archive, runs its shards and publishes, all over S3', async () => {
    const place = await deployment('ok');
    const { store, jobs, folder } = place;
    const environment = { ...place.environment, HPB_DEVICE: 'cpu' };
    const ports: ServicePorts = {
      store,
      links: new S3SignedLinks({ client: jobs.client, bucket: jobs.bucket, store, clock }),
      index: new StoreJobIndex(store, clock),
      executions: { start: async () => undefined, stop: async () => undefined, describe: async () => null },
      jobs: { queuePosition: async () => null, logTail: async () => [] },
      intake: new UploadIntake({ store, scratch: join(folder, 'intake') }),
      bundler: new StoreBundler(store),
      metrics: { put: async () => undefined },
      ids: randomIds,
      clock,
      log: memoryLog(),
      limits: { ...DEFAULT_LIMITS, functionArchiveBytes: 1 },
      admission: async () => undefined,
    };
    const [ct, archive] = [join(folder, 'ct.nii.gz'), join(folder, 'cases.zip')];
    await writeNifti(ct, smallCt());
    await writeZip(archive, [{ name: 'one.nii.gz', path: ct }]);
    const sizeBytes = (await stat(archive)).size;
    const { uploadId } = await openUpload(ports, { fileName: 'cases.zip', sizeBytes });
    await store.putFile(uploadInputKey(uploadId), archive);
    const body = { uploadId, model: 'liver' as const };
    const { job } = await submitJob(ports, { target: 'batch', body, baseUrl: 'http://service' });
    const { jobId } = job;
    const state = async (): Promise<string | undefined> => (await ports.index.get(jobId))?.state;

    await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
    const taken = await worker(environment, ['--take', jobId, '--attempt', '1']);
    expect(taken.exit).toBe(WORKER_EXIT.done);
    // By which its log is found.
    expect(taken.lines[0]).toMatchObject({ event: 'worker:start', jobId });
    expect(await store.head(jobCasesKey(jobId))).not.toBeNull();
    await prepareJob(ports, { phase: 'plan', jobId, attempt: 1 });
    const run = await worker(environment, ['--shard-key', shardKey(jobId, 1, 1)]);
    expect(run.exit).toBe(WORKER_EXIT.done);
    const published = await worker(environment, ['--publish', jobId, '--attempt', '1']);
    expect([published.exit, await state()]).toEqual([WORKER_EXIT.done, 'SUCCEEDED']);
    expect(await store.head(jobZipKey(jobId))).not.toBeNull();
  });
});
