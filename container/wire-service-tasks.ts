import { join } from 'node:path';
import { UploadIntake } from '../adapters/intake/upload-intake.ts';
import { StoreBundler } from '../adapters/store-bundler.ts';
import { StoreJobIndex } from '../adapters/store-job-index.ts';
import type { Clock, Metrics } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import type { ViewerPorts } from '../core/use-cases/publish-case.ts';
import { serviceLimits } from '../core/use-cases/service-limits.ts';
import type { WorkerPorts } from './case-context.ts';
import type { ServiceTaskPorts } from './service-tasks.ts';

/** Limits of these have no say in unpacking or publishing. */
const MACHINE = { slots: 1, slowness: 1 } as const;

/** Makes what unpacking and publishing need, over the store of the worker. */
export function wireServiceTasks({
  settings,
  metrics,
  viewerBucket,
  worker: { store, log, clock, scratch },
}: {
  /** Bucket of the viewer; undefined on a laptop. */
  readonly viewerBucket: string | undefined;
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly worker: WorkerPorts;
}): ServiceTaskPorts {
  return {
    store,
    log,
    clock,
    index: new StoreJobIndex(store, clock),
    intake: new UploadIntake({ store, scratch: join(scratch.temporary, 'intake') }),
    bundler: new StoreBundler(store),
    metrics,
    limits: serviceLimits(settings, MACHINE),
    ...(viewerBucket !== undefined && { viewer: () => viewerOf(viewerBucket, clock) }),
  };
}

async function viewerOf(bucket: string, clock: Clock): Promise<ViewerPorts> {
  const [{ S3Client }, { viewerBucket }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../adapters/viewer-bucket.ts'),
  ]);
  return viewerBucket(new S3Client({}), bucket, clock);
}
