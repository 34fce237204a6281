import { HpbError } from '../../core/errors.ts';
import { freeBytesAt } from '../free-space.ts';

/**
 * Refuses work that would leave less than `floorBytes` free on the disk of `folder`, before the disk is full and
 * nothing can be finished any more.
 *
 * @param bytes What the work is going to write.
 * @throws HpbError DISK_FULL
 */
export async function keepDiskFloor(folder: string, bytes: number, floorBytes: number): Promise<void> {
  const free = await freeBytesAt(folder);
  if (free - bytes >= floorBytes) return;
  const gb = (count: number): string => `${(count / 1e9).toFixed(1)} GB`;
  throw new HpbError(
    'DISK_FULL',
    `The disk of the service has ${gb(free)} free, and ${gb(floorBytes)} have to stay free beside the ${gb(bytes)} of this request.`,
    {
      remedy:
        'Remove finished jobs (DELETE /jobs/{id}?purge=true), set HPB_RETENTION_DAYS, or lower HPB_MIN_FREE_BYTES.',
      details: { freeBytes: free, floorBytes, requestBytes: bytes },
    },
  );
}
