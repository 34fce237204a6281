import { lstat, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileError } from '../../adapters/file-error.ts';
import { withScratch } from '../../adapters/intake/scratch.ts';
import { writeZip } from '../../adapters/zip-archive.ts';
import { LAYOUT_VERSION, uploadDocumentKey, uploadInputKey, type UploadId } from '../../core/layout.ts';
import { HpbError } from '../../core/errors.ts';
import { ingestTarget } from '../../core/use-cases/ingest-object.ts';
import type { FileWrite } from '../../core/ports.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { documentText } from '../../core/use-cases/stored-document.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import type { UploadDocument } from '../../core/use-cases/upload-document.ts';
import type { DroppedFile } from './ingest-folder.ts';

/**
 * Makes a job of what was dropped: an archive becomes a batch, a CT a job of `both`, a folder is packed as an archive,
 * below `scratch`. The ids of upload and job come from the version, so a server that dies in between makes the same job again.
 *
 * @throws HpbError what is wrong with the file, or why there can be no new job now.
 */
export async function ingestFile(ports: ServicePorts, file: DroppedFile, scratch: string): Promise<void> {
  const { ids, log } = ports;
  const { name, bytes, version, members } = file;
  for (const path of members?.map((member) => member.path) ?? [file.path]) await requireReadable(path);
  const target = members === undefined ? ingestTarget(name, bytes) : 'batch';
  if (members?.length === 0) throw emptyFolder();
  // A folder is packed first.
  await ports.admission({ bytes: members === undefined ? bytes : 2 * bytes });
  const uploadId = `u-${ids.sha256(`${name} ${version}`).slice(0, 40)}` as UploadId;
  if (members === undefined) await keepUpload(ports, uploadId, file);
  else
    await withScratch(scratch, async (folder) => {
      const path = join(folder, 'cases.zip');
      const { bytes: packedBytes } = await writeZip(path, members);
      const packed = { path, name: `${basename(name)}.zip`, bytes: packedBytes };
      await keepUpload(ports, uploadId, packed, { givenUp: true });
    });
  const { job } = await submitJob(ports, {
    target,
    body: { uploadId },
    idempotencyKey: `folder ${uploadId}`,
    baseUrl: '',
  });
  log.info('ingest:accepted', { jobId: job.jobId, bytes });
}

async function keepUpload(
  { store, clock }: Pick<ServicePorts, 'store' | 'clock'>,
  uploadId: UploadId,
  { path, name, bytes }: Pick<DroppedFile, 'path' | 'name' | 'bytes'>,
  how: Pick<FileWrite, 'givenUp'> = {},
): Promise<void> {
  await keepFirst(() => store.putFile(uploadInputKey(uploadId), path, { ifAbsent: true, ...how }));
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
}

const emptyFolder = (): HpbError =>
  new HpbError('INPUT_UNREADABLE', 'The folder that is ready holds no files.', {
    remedy: 'Put the CTs (.nii, .nii.gz) into it, a folder for each or side by side, and _READY last.',
  });

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
