import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { S3Client } from '@aws-sdk/client-s3';
import { BucketWeights } from '../adapters/bucket-weights.ts';
import { CloudWatchMetrics } from '../adapters/cloudwatch-metrics.ts';
import { machinePaths } from '../adapters/machine-paths.ts';
import { S3ObjectStore } from '../adapters/s3-object-store.ts';
import { systemClock } from '../adapters/system.ts';
import { deploymentSchema } from '../core/deployment.ts';
import type { Weights } from '../core/engine-port.ts';
import { HpbError } from '../core/errors.ts';
import { metricNamespace } from '../core/metrics.ts';
import type { WireOptions } from './wire.ts';
import { installedWeights, type OnWeights, type WorkerHome } from './worker-home.ts';

const told = deploymentSchema.pick({ HPB_STAGE: true, HPB_JOBS_BUCKET: true, HPB_MODELS_BUCKET: true });
/** A shard is worth more waiting than a call of the API. */
const S3_TRIES = 6;

/**
 * The home of a worker of a deployment. Region, credentials and endpoints are what the SDK finds in the environment.
 *
 * @throws HpbError SETTINGS_INVALID when the environment lacks the name of the deployment or of a bucket.
 */
export function deployedHome(options: WireOptions, onFetched: OnWeights): WorkerHome {
  const { settings, packageRoot, environment, log } = options;
  const parsed = told.safeParse(environment);
  if (!parsed.success) throw incomplete(String(parsed.error.issues[0]!.path[0]));
  const { HPB_STAGE, HPB_JOBS_BUCKET, HPB_MODELS_BUCKET } = parsed.data;
  const client = new S3Client({ maxAttempts: S3_TRIES });
  const storeOf = (bucket: string): S3ObjectStore =>
    new S3ObjectStore({ client, bucket, clock: systemClock });
  const fromBucket = (): Weights =>
    new BucketWeights({
      store: storeOf(HPB_MODELS_BUCKET),
      modelsRoot: machinePaths(settings, packageRoot).modelsRoot,
      realOnly: settings.HPB_WEIGHTS === 'real',
      log,
      onFetched,
    });
  const inImage = settings.HPB_WEIGHTS === 'demo';
  return {
    store: options.store ?? storeOf(HPB_JOBS_BUCKET),
    weights: options.weights ?? (inImage ? installedWeights(settings, packageRoot) : fromBucket()),
    metrics: new CloudWatchMetrics(new CloudWatchClient({}), systemClock, metricNamespace(HPB_STAGE)),
    // A machine that was taken for its card never falls back to the CPU in silence.
    settings: settings.HPB_DEVICE === 'auto' ? { ...settings, HPB_DEVICE: 'cuda' } : settings,
    deployed: true,
  };
}

function incomplete(name: string): HpbError {
  return new HpbError('SETTINGS_INVALID', `The worker was started for a deployment, without ${name}.`, {
    remedy: 'Deploy the compute stack again: its job definitions set it.',
    details: { name },
  });
}
