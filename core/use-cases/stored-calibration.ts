import { HpbError } from '../errors.ts';
import { calibrationKey } from '../layout.ts';
import { calibration, type Calibration } from '../models/calibration.ts';
import type { ObjectStore } from '../ports.ts';

/**
 * What `hpb calibrate` left in the store; null when there is nothing, or nothing that this version can read: figures
 * without it say so, which is no reason to give none.
 *
 * @throws HpbError what the store throws, so that a plan made twice is not once with and once without it.
 */
export async function storedCalibration(store: Pick<ObjectStore, 'get'>): Promise<Calibration | null> {
  const body = await store.get(calibrationKey()).catch((thrown: unknown) => {
    if (thrown instanceof HpbError && thrown.code === 'OBJECT_NOT_FOUND') return null;
    throw thrown;
  });
  return body === null ? null : (calibration.safeParse(parsed(body)).data ?? null);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
}
