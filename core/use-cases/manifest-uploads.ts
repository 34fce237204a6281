import { MAX_MANIFEST_BYTES, parseManifest } from '../batch-manifest.ts';
import { HpbError } from '../errors.ts';
import type { UploadId } from '../layout.ts';
import { isManifestHead } from '../manifest-head.ts';
import type { JobRequest } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';

/** The uploads that the manifest of a batch names; none for a job of another kind, or whose upload is gone or damaged. */
export async function manifestUploads(
  { store }: Pick<ServicePorts, 'store'>,
  { batch, inputKey, bytes }: JobRequest,
): Promise<readonly UploadId[]> {
  if (!batch || bytes > MAX_MANIFEST_BYTES) return [];
  try {
    if (!isManifestHead(await headOf(store, inputKey))) return [];
    return parseManifest(await store.get(inputKey)).cases.map(({ uploadId }) => uploadId);
  } catch (thrown) {
    const isGone = thrown instanceof HpbError && thrown.blame === 'caller';
    if (isGone || (thrown instanceof HpbError && thrown.code === 'OBJECT_NOT_FOUND')) return [];
    throw thrown;
  }
}

async function headOf(store: ServicePorts['store'], key: string): Promise<Uint8Array> {
  for await (const chunk of await store.stream(key, { start: 0, end: 63 })) return chunk;
  return new Uint8Array(0);
}
