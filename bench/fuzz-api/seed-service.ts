import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { isFinal } from '../../core/job.ts';
import { jobAnswer, uploadAnswer } from '../../core/requests.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { post, sendSigned, submit, type ServiceProcess } from '../service/service-process.ts';

/** What there is in a service, by the parameter or property that names it. */
export interface RealIds {
  readonly uploadId: readonly string[];
  readonly jobId: readonly string[];
  readonly caseId: readonly string[];
  readonly name: readonly string[];
}

const SEED = 90_011;
const POLL_MS = 100;
/** Above `HPB_MULTIPART_FROM_BYTES`. */
const IN_PARTS_BYTES = 250e6;

/**
 * Fills a service with uploads and jobs in every state that one can ask for: uploads that are open, sent and in parts;
 * jobs that succeeded, in part, failed and were cancelled. Returns their ids.
 */
export async function seedService(service: ServiceProcess): Promise<RealIds> {
  const ct = await smallCt();
  const open = await uploadOf(service, 'open.nii.gz', 1000);
  const inParts = await uploadOf(service, 'parts.nii.gz', IN_PARTS_BYTES);
  const sent = await uploadOf(service, 'sent.nii.gz', ct.length);
  await sendSigned(sent.put!, ct as Uint8Array<ArrayBuffer>);
  const batch = await archiveOf({ 'good/raw.nii.gz': ct, 'bad/raw.nii.gz': Buffer.from('no CT') });
  const junk = Buffer.from('neither a CT nor an archive');
  const jobs: string[] = [];
  for (const [bytes, fileName, target] of [
    [ct, 'ct.nii.gz', 'liver'],
    [batch, 'cases.tar.gz', 'batch'],
    [junk, 'junk.nii.gz', 'both'],
    [ct, 'cancelled.nii.gz', 'liver'],
  ] as const) {
    const { jobId } = await submit(service, { bytes, fileName, target });
    if (fileName.startsWith('cancelled')) await fetch(`${service.url}/jobs/${jobId}`, { method: 'DELETE' });
    await finished(service, jobId);
    jobs.push(jobId);
  }
  return {
    uploadId: [open, inParts, sent].map(({ uploadId }) => uploadId),
    jobId: jobs,
    caseId: ['c0001', 'c0002'],
    name: ['liver.nii.gz', 'results.zip', 'report.html', 'metadata.json', 'index.html', 'cases.csv'],
  };
}

async function uploadOf(service: ServiceProcess, fileName: string, sizeBytes: number) {
  return uploadAnswer.parse(await post(service, '/uploads', { fileName, sizeBytes }));
}

async function finished(service: ServiceProcess, jobId: string): Promise<void> {
  for (;;) {
    const job = jobAnswer.parse(await (await fetch(`${service.url}/jobs/${jobId}`)).json());
    if (isFinal(job.state)) return;
    await sleep(POLL_MS);
  }
}

async function smallCt(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'hpb-fuzz-api-ct-'));
  try {
    const path = join(folder, 'ct.nii.gz');
    await writeNifti(
      path,
      makePhantom({ seed: SEED, grid: phantomGrid('small', { dims: [32, 32, 24] }) }).ct,
    );
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function archiveOf(files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return Buffer.concat(await Array.fromAsync(archive.pipe(createGzip()) as AsyncIterable<Buffer>));
}
