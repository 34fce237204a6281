import { lstat, open } from 'node:fs/promises';
import { fileError } from '../../adapters/file-error.ts';
import { LAYOUT_VERSION, uploadDocumentKey, uploadInputKey, type UploadId } from '../../core/layout.ts';
import { HpbError } from '../../core/errors.ts';
import { ingestTarget } from '../../core/use-cases/ingest-object.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { documentText } from '../../core/use-cases/stored-document.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import type { UploadDocument } from '../../core/use-cases/upload-document.ts';
import type { DroppedFile } from './ingest-folder.ts';

/**
 * Makes a job of a dropped file: an archive becomes a batch, a CT a job of `both`. The ids of upload and job come from
 * the file's version, so a server that dies in between makes the same job again.
 *
 * @throws HpbError what is wrong with the file, or why there can be no new job now.
 */
export async function ingestFile(
  ports: ServicePorts,
  { path, name, bytes, version }: DroppedFile,
): Promise<void> {
  const { store, ids, clock, log } = ports;
  await requireReadable(path);
  const target = ingestTarget(name, bytes);
  await ports.admission({ bytes });
  const uploadId = `u-${ids.sha256(`${name} ${version}`).slice(0, 40)}` as UploadId;
  await keepFirst(() => store.putFile(uploadInputKey(uploadId), path, { ifAbsent: true }));
  const upload: UploadDocument = {
    layoutVersion: LAYOUT_VERSION,
    uploadId,
    fileName: name,
    sizeBytes: bytes,
    sha256: null,
    createdAt: clock.now(),
    multipart: null,
  };
  await keepFirst(() => store.put(uploadDocumentKey(uploadId), documentText(upload), { ifAbsent: true }));
  const { job } = await submitJob(ports, {
    target,
    body: { uploadId },
    idempotencyKey: `folder ${uploadId}`,
    baseUrl: '',
  });
  log.info('ingest:accepted', { jobId: job.jobId, bytes });
}

/** Told apart from what the store cannot write: that may pass, a file that we may not read stays so. */
async function requireReadable(path: string): Promise<void> {
  const facts = await lstat(path).catch((error: unknown) => {
    throw fileError(error);
  });
  if (facts.isSymbolicLink())
    throw new HpbError('INPUT_UNREADABLE', 'What was dropped is a link, and links are not followed here.', {
      remedy: 'Copy or move the file itself into the folder.',
    });
  const file = await open(path).catch((error: unknown) => {
    throw fileError(error);
  });
  await file.close();
}

async function keepFirst(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (!(thrown instanceof HpbError) || thrown.code !== 'OBJECT_EXISTS') throw thrown;
  }
}
