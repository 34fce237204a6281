import type { CloudAccount } from '../../adapters/cloud-account.ts';
import { modelEntry, REQUEST_MODELS } from '../../core/models/catalogue.ts';
import { segmentOptions } from '../../core/shard.ts';
import type { PushedSets } from '../../core/use-cases/pushed-weights.ts';
import type { DoctorLine } from '../doctor.ts';
import { fail, looked, ok, warn } from './line.ts';

/** What the API says of itself, or that it did not. */
export type ApiStanding =
  | { readonly answered: 'ready' }
  | { readonly answered: 'not ready'; readonly errors: readonly string[] }
  | { readonly answered: 'refused' | 'otherwise'; readonly status: number };

/** Whether the weights that a default request needs lie whole in the models bucket. */
export function weightLines(sets: () => Promise<PushedSets | null>): Promise<readonly DoctorLine[]> {
  const name = 'Weights';
  return looked(
    { name, permission: 's3:GetObject and s3:ListBucket of the models bucket, kms:Decrypt' },
    async () => {
      const pushed = await sets();
      const push = 'Run `hpb models pull both`, then `hpb models push s3://<ModelsBucketName>`.';
      if (pushed === null) return [fail(name, 'none have been pushed: submits are answered 503', push)];
      const options = segmentOptions.parse({});
      const needed = REQUEST_MODELS['both']!.flatMap((model) => modelEntry(model).weights(options));
      const lacking = [...new Set(needed)].filter((id) => !pushed.sets.has(id));
      if (lacking.length > 0)
        return [fail(name, `not whole for the default models: ${lacking.join(', ')}`, push)];
      const found = `${pushed.kind}, whole: ${[...pushed.sets.keys()].join(', ')}`;
      if (pushed.kind === 'real') return [ok(name, found)];
      return [warn(name, `DEMO networks only: ${found}`, `Not for real CTs. ${push}`)];
    },
  );
}

/** Whether executions of the workflow can start. */
export function machineLines(
  account: Pick<CloudAccount, 'machineStatus'>,
  arn: string,
): Promise<readonly DoctorLine[]> {
  const name = 'State machine';
  return looked({ name, permission: 'states:DescribeStateMachine' }, async () => {
    const status = await account.machineStatus(arn);
    if (status === 'ACTIVE') return [ok(name, status)];
    return [fail(name, status, 'It is being deleted: deploy the service stack again.')];
  });
}

/** Whether the API answers, and what it says it lacks. */
export function apiLines(ask: () => Promise<ApiStanding>): Promise<readonly DoctorLine[]> {
  const name = 'API';
  return looked({ name, permission: 'execute-api:Invoke' }, async () => {
    const standing = await ask();
    switch (standing.answered) {
      case 'ready':
        return [ok(name, 'ready')];
      case 'not ready':
        return [
          fail(name, `not ready: ${standing.errors.join('; ')}`, 'The other lines here say what to mend.'),
        ];
      case 'refused':
        return [
          warn(
            name,
            `refuses these credentials (HTTP ${standing.status})`,
            'Allow execute-api:Invoke on it to whoever shall call it.',
          ),
        ];
      case 'otherwise':
        return [
          fail(
            name,
            `answers HTTP ${standing.status}`,
            'Look at the log of its function and at its access log (docs/runbook.md#api-errors).',
          ),
        ];
    }
  });
}
