import './deployed-environment.ts';
import { describe, expect, it } from 'vitest';
import { MODELS_PREFIX, modelsManifestKey } from '../../core/layout.ts';
import { WEIGHTS, type WeightsId } from '../../core/models/weights.ts';
import { PushedWeights } from '../../core/use-cases/pushed-weights.ts';
import { create } from '../../lambdas/api.ts';
import type { StartingPorts } from '../../lambdas/wire.ts';
import { MemoryObjectStore } from '../fakes/memory-object-store.ts';
import { serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import { uploadOf } from '../fakes/stored-job.ts';
import { restCall } from './aws-events.ts';

const ADDRESS = 'https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/dev';

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly location: string | null;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers have the shape that a test looks for
  readonly json: any;
}

/** The API over ports in memory, with the weights of a bucket in memory. */
function deployment(limits: Parameters<typeof serviceFakes>[0] = {}, realOnly = false) {
  const fakes: ServiceFakes = serviceFakes(limits);
  const bucket = new MemoryObjectStore();
  const weights = new PushedWeights(bucket, fakes.clock, { realOnly });
  const ports: StartingPorts = {
    ...fakes,
    weights,
    admission: async ({ work }) => {
      if (work !== undefined) await weights.require(work.models, work.options);
    },
  };
  const handler = create(ports);
  const call = async (method: string, path: string, body?: unknown, type?: string): Promise<Answer> => {
    const answer = await handler(restCall(method, path, body, type));
    const headers = new Headers();
    for (const [name, values] of Object.entries(answer.multiValueHeaders ?? {}))
      headers.set(name, values.join(', '));
    return {
      status: answer.statusCode,
      type: headers.get('content-type'),
      location: headers.get('location'),
      json: JSON.parse(answer.body),
    };
  };
  return { ports: fakes, bucket, call };
}

/** Pushes sets: every file first, the manifest last. */
async function push(
  bucket: MemoryObjectStore,
  ids: readonly WeightsId[],
  { lost = '', kind = 'real' } = {},
): Promise<void> {
  const sets = Object.fromEntries(
    ids.map((id) => [id, { files: { [`set/${id}`]: { bytes: 4, sha256: 'ab'.repeat(32) } } }]),
  );
  for (const id of ids) if (id !== lost) await bucket.put(`${MODELS_PREFIX}set/${id}`, 'four');
  await bucket.put(modelsManifestKey(), JSON.stringify({ schemaVersion: 1, kind, sets }));
}

const ALL = Object.keys(WEIGHTS) as WeightsId[];

describe('a submit to a deployment', () => {
  it('is taken once weights have been pushed; its links lead to the stage', async () => {
    const { ports, bucket, call } = deployment();
    await push(bucket, ALL);

    const answer = await call('POST', '/segment/both', { uploadId: await uploadOf(ports) });

    expect(answer.status).toBe(202);
    expect(answer.location).toBe(`${ADDRESS}/jobs/${answer.json.jobId}`);
    expect(ports.executions.started).toHaveLength(1);
  });

  it.each([
    ['nothing was pushed', [], ''],
    ['a set of the model is missing', ['task008', 'ts298'], ''],
    ['a file of a set is missing', ALL, 'task008'],
  ] as const)('is answered 503 while %s, and taken after a push', async (_why, ids, lost) => {
    const { ports, bucket, call } = deployment();
    if (ids.length > 0) await push(bucket, ids, { lost });
    const uploadId = await uploadOf(ports);

    const refused = await call('POST', '/segment/both', { uploadId });
    expect(refused).toMatchObject({ status: 503, json: { code: 'WEIGHTS_MISSING' } });
    expect(ports.executions.started).toEqual([]);
    await push(bucket, ALL);

    expect((await call('POST', '/segment/both', { uploadId })).status).toBe(202);
  });

  it.each([
    ['a deployment that takes real weights only', true, 503],
    ['one that takes what there is', false, 202],
  ] as const)(
    'to %s, where demo networks were pushed, is answered as its workers would do',
    async (...told) => {
      const [, realOnly, status] = told;
      const { ports, bucket, call } = deployment({}, realOnly);
      await push(bucket, ALL, { kind: 'demo' });

      expect((await call('POST', '/segment/both', { uploadId: await uploadOf(ports) })).status).toBe(status);
      expect((await call('GET', '/readinessz')).json.checks.weights).toBe(!realOnly);
    },
  );

  it('is answered 503 when the manifest cannot be read', async () => {
    const { ports, bucket, call } = deployment();
    await bucket.put(modelsManifestKey(), 'no JSON');

    const answer = await call('POST', '/segment/liver', { uploadId: await uploadOf(ports) });

    expect(answer).toMatchObject({ status: 503, json: { code: 'WEIGHTS_CORRUPT' } });
  });

  it('is answered 429 when enough jobs are active', async () => {
    const { ports, bucket, call } = deployment({ maxActiveJobs: 1 });
    await push(bucket, ALL);
    const submit = async () => call('POST', '/segment/liver', { uploadId: await uploadOf(ports) });
    await submit();

    expect(await submit()).toMatchObject({ status: 429, json: { code: 'TOO_MANY_JOBS' } });
  });

  it('with a CT as its body is answered 415: bytes go by signed links', async () => {
    const { ports, call } = deployment();
    const form =
      '--x\r\nContent-Disposition: form-data; name="Jane Doe"; filename="Jane Doe.nii.gz"\r\n\r\nJane Doe\r\n--x--\r\n';

    const answer = await call('POST', '/segment/liver', form, 'multipart/form-data; boundary=x');

    expect(answer).toMatchObject({ status: 415, type: 'application/problem+json' });
    const left = [ports.log.lines, ports.samples, ports.executions.started, ports.store.keys('')];
    expect(JSON.stringify(left)).not.toContain('Jane');
  });
});

describe('what a deployment says of itself', () => {
  it('is ready when weights have been pushed', async () => {
    const { bucket, ports, call } = deployment();

    expect(await call('GET', '/readinessz')).toMatchObject({
      status: 503,
      json: { ready: false, checks: { store: true, workflow: true, weights: false } },
    });
    await push(bucket, ALL);
    ports.time.now += 60_000;

    expect(await call('GET', '/readinessz')).toMatchObject({
      status: 200,
      json: { ready: true, errors: [] },
    });
  });

  it('says which part cannot be reached', async () => {
    const { ports, call } = deployment();
    ports.executions.describe = () => Promise.reject(new Error('away'));

    const { json } = await call('GET', '/readinessz');

    expect(json.checks).toMatchObject({ workflow: false });
    expect(json.errors.join()).toContain('Step Functions');
    // docs/operations.md is about the service on one machine.
    expect(json.errors.join()).toContain('docs/runbook.md');
  });

  it('offers a limit of the cost', async () => {
    const { call } = deployment();

    const { json } = await call('GET', '/version');

    expect(json.offers).toContain('maxCostUsd');
  });

  it('names the weights of each model', async () => {
    const { bucket, call } = deployment();
    await push(bucket, ['task008']);

    const { json } = await call('GET', '/version');

    const byId = Object.fromEntries(json.models.map((model: { id: string }) => [model.id, model]));
    expect(byId.task008).toMatchObject({
      weights: 'real',
      weightsVersion: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(byId.liver).toMatchObject({ weights: 'missing', weightsVersion: null });
  });
});
