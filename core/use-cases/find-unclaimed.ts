import { INGEST_PREFIX } from '../layout.ts';
import { forgottenUploads } from './purge-expired.ts';
import type { ServicePorts } from './service-ports.ts';

const UPLOAD_MS = 24 * 3_600_000;
const DROP_MS = 3_600_000;

/** What was sent and never became a job. */
export interface Unclaimed {
  /** Older than a day; a slow line may take as long. */
  readonly uploads: number;
  /** Older than an hour below `ingest/`: folders without `_READY`, or events that were lost. */
  readonly drops: number;
}

/** Counts what nobody claims, as metrics and as answer. It removes nothing. */
export async function findUnclaimed(
  ports: Pick<ServicePorts, 'store' | 'index' | 'metrics' | 'clock'>,
): Promise<Unclaimed> {
  const now = ports.clock.now();
  const uploads = (await forgottenUploads(ports, now - UPLOAD_MS)).length;
  const dropped = await ports.store.list(INGEST_PREFIX);
  const drops = dropped.filter(
    ({ key, modifiedAt }) => !key.endsWith('/') && modifiedAt < now - DROP_MS,
  ).length;
  await ports.metrics.put([
    { name: 'UnclaimedUploads', value: uploads },
    { name: 'UnclaimedDrops', value: drops },
  ]);
  return { uploads, drops };
}
