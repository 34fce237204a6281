import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobZipKey, type JobId } from '../../core/layout.ts';
import { zipOf } from '../fixtures/weights.ts';
import {
  deployedService,
  eventually,
  runServiceWorker,
  runWorker,
  type DeployedService,
  type RanWorker,
} from './deployed-service.ts';
import { MACHINE, STAGE } from './deployed-stacks.ts';
import { callLambda } from './emulated-account.ts';
import { ctFile, ended, submitted, WAIT_SCALE, WAITING, walked, WORKER_DONE, WORKER_LATE } from './flows.ts';
import { physicalName } from './identities.ts';

/** What the other deployment leaves out: each part here runs in its own role too. */
let service: DeployedService;
beforeAll(async () => {
  service = await deployedService({ canaryHours: 24 });
  await service.account.scaleWaits(WAIT_SCALE);
});
afterAll(() => service?.stop());

const functionName = (logicalId: string): Promise<string> =>
  physicalName(service.account, `Hpb-${STAGE}-Service`, logicalId);

async function invoked(logicalId: string, payload: object = {}): Promise<Readonly<Record<string, unknown>>> {
  return callLambda(service.account, 'POST', `${await functionName(logicalId)}/invocations`, payload);
}

/** As the runbook does, under prepare-errors. */
async function told(logicalId: string, more: Readonly<Record<string, string>>): Promise<void> {
  const path = `${await functionName(logicalId)}/configuration`;
  const { Environment } = await callLambda(service.account, 'GET', path);
  const { Variables } = Environment as { readonly Variables: Readonly<Record<string, string>> };
  await callLambda(service.account, 'PUT', path, { Environment: { Variables: { ...Variables, ...more } } });
}

async function well(worker: Promise<RanWorker>): Promise<void> {
  const { exitCode, printed } = await worker;
  expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: expect.any(String) });
}

describe('in a role of its own', () => {
  it('the sweeper makes its round', async () => {
    expect(await invoked('Sweeper')).toMatchObject({ started: 0, ended: 0, stopped: 0, leftOvers: 0 });
  });

  it('the API takes an upload in parts, tells what has arrived, cancels a job and tries it again', async () => {
    const { account, caller } = service;
    const { uploadId, parts } = await caller.openUpload({ fileName: 'cases.zip', sizeBytes: 100_000_000 });
    const [first] = parts!.missing;
    const { method, url, headers } = first!.request;
    const sent = await fetch(url, { method, headers, body: new Uint8Array(first!.bytes) });
    expect(sent.status).toBe(200);
    expect((await caller.uploadParts(uploadId)).parts!.arrived).toMatchObject([{ part: 1 }]);

    await account.mock(MACHINE, { RunShard: WAITING });
    const jobId = await submitted(service, { name: 'ct.nii.gz', body: await ctFile() });
    expect(await caller.cancel(jobId)).toMatchObject({ state: 'CANCELLED' });
    expect(await caller.retry(jobId)).toMatchObject({ attempt: 2 });
    expect(await caller.cancel(jobId)).toMatchObject({ state: 'CANCELLED', attempt: 2 });
  });

  it('the canary sends a CT, judges it and purges it', async () => {
    await service.account.mock(MACHINE, { RunShard: WORKER_DONE });

    expect(await invoked('CanaryHandler')).toEqual({ canary: 'started', reason: null });
    const [{ jobId } = { jobId: '' }] = (await service.caller.jobs({ limit: 1 })).jobs;
    await ended(service, jobId as JobId);

    expect(await invoked('CanaryHandler')).toMatchObject({ canary: 'failed', reason: 'FAILED UNCLEAN_EXIT' });
    expect(await service.jobs.list(`jobs/${jobId}/`)).toEqual([]);
  });
});

describe('a large archive', () => {
  const archive = async () => ({
    name: 'cases.zip',
    body: await zipOf({ 'one/raw.nii.gz': await ctFile() }),
  });

  beforeAll(() => told('PrepareJob', { HPB_FUNCTION_ARCHIVE_BYTES: '1', HPB_FUNCTION_RESULT_BYTES: '1' }));

  it('is unpacked, run and published by workers', async () => {
    const { account, jobs } = service;
    await account.mock(MACHINE, { UnpackArchive: WAITING });
    const jobId = await submitted(service, await archive(), 'batch');
    await eventually('a preparation', async () =>
      (await service.caller.job(jobId)).state === 'PREPARING' ? true : null,
    );

    await well(runServiceWorker(service, 'take', jobId));
    // The workflow waits all the while for the first of them.
    expect(await invoked('PrepareJob', { phase: 'plan', jobId, attempt: 1 })).toMatchObject({
      shards: 1,
      publisher: 'worker',
    });
    await well(runWorker(service, jobId));
    await well(runServiceWorker(service, 'publish', jobId));

    expect(await service.caller.job(jobId)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await jobs.head(jobZipKey(jobId))).not.toBeNull();
    await account.mock(MACHINE, { UnpackArchive: WORKER_DONE });
    await account.scaleWaits(0);
    await walked(service, jobId);
    await account.scaleWaits(WAIT_SCALE);
    expect(await service.caller.job(jobId)).toMatchObject({ state: 'SUCCEEDED' });
  });

  it('whose worker is late, or leaves nothing, fails with a search of its log', async () => {
    for (const [answer, code] of [
      [WORKER_LATE, 'JOB_TIMEOUT'],
      [WORKER_DONE, 'WORKFLOW_FAILED'],
    ] as const) {
      await service.account.mock(MACHINE, { UnpackArchive: answer });
      const jobId = await submitted(service, await archive(), 'batch');

      expect(await ended(service, jobId)).toMatchObject({ state: 'FAILED', error: { code } });
      const { cause, states } = await walked(service, jobId);
      expect(states.slice(-3)).toEqual(['BlameWorker', 'FailJob', 'JobFailed']);
      expect(cause).toMatch(new RegExp(`Log of the worker: https:\\S+\\$2522${jobId}\\$2522$`));
    }
  });
});
