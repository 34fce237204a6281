import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { outputError } from '../adapters/file-error.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import { throwIfCancelled } from '../adapters/run-process.ts';
import { canaryPhantom, checkVolumes, phantomVolumes } from '../core/canary.ts';
import { HpbError } from '../core/errors.ts';
import { isFinal } from '../core/job.ts';
import { caseIdOf, caseResultKey } from '../core/layout.ts';
import type { JobAnswer } from '../core/requests.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { metadataSchema } from '../core/results/metadata-schema.ts';
import { caseResult } from '../core/shard.ts';
import { cancelJob } from '../core/use-cases/cancel-job.ts';
import { readJob } from '../core/use-cases/read-job.ts';
import { submitJob } from '../core/use-cases/submit-job.ts';
import { openUpload } from '../core/use-cases/uploads.ts';
import type { Phantom } from '../core/volume/phantom.ts';
import { exportCase } from './export-case.ts';
import type { ResultPlaces } from './result-places.ts';
import type { LaptopService } from './service/laptop-service.ts';
import { tableText } from './text.ts';

const POLL_MS = 250;

/** What the demo runs on. */
export interface DemoRequest {
  readonly service: Pick<LaptopService, 'ports' | 'url'>;
  readonly dataRoot: string;
  /** Aborting cancels the job. */
  readonly signal: AbortSignal;
  readonly onProgress: (job: JobAnswer) => void;
}

/** What came out of the demo. */
export interface DemoResult extends ResultPlaces {
  readonly job: JobAnswer;
  readonly metadata: Metadata;
  /** Volumes against the truth, as lines for the reader. */
  readonly comparison: string;
}

/**
 * Makes the synthetic CT of the demo in `<dataRoot>/demo/`, sends it through the whole service (signed upload, job,
 * workflow, worker), and compares the volumes with the truth that the phantom is made from.
 *
 * @throws HpbError with the code of the job when it failed; CANCELLED, OUTPUT_UNWRITABLE, DISK_FULL.
 */
export async function runDemo(request: DemoRequest): Promise<DemoResult> {
  const { service, dataRoot } = request;
  const folder = join(dataRoot, 'demo');
  const ct = join(folder, 'phantom.nii.gz');
  const phantom = canaryPhantom();
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw outputError(error);
  });
  await writeNifti(join(folder, 'phantom_truth.nii.gz'), phantom.truth);
  await writeNifti(ct, phantom.ct);
  const job = await finished(request, await submitted(service, ct));
  const { store } = service.ports;
  const bytes = await store.get(caseResultKey(job.jobId, caseIdOf(1)));
  const result = caseResult.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const exported = await exportCase(store, result, join(folder, 'results'), 'phantom');
  const text = await readFile(join(exported.folder, 'metadata.json'), 'utf8');
  const metadata = metadataSchema.parse(JSON.parse(text));
  return { ...exported, job, metadata, comparison: truthText(metadata, phantom) };
}

/** Uploads the CT by its signed link, as a client does, and starts the job. */
async function submitted({ ports, url }: DemoRequest['service'], ct: string): Promise<JobAnswer> {
  const { size } = await stat(ct);
  const upload = await openUpload(ports, { fileName: 'phantom.nii.gz', sizeBytes: size });
  const { url: link, headers } = upload.put!;
  const answer = await fetch(link, {
    method: 'PUT',
    headers: { ...headers },
    body: Readable.toWeb(createReadStream(ct)) as ReadableStream<Uint8Array>,
    duplex: 'half',
  });
  if (!answer.ok)
    throw new HpbError('UPLOAD_INCOMPLETE', `The upload of the demo was answered ${answer.status}.`, {
      remedy: 'Look at the log of the service (HPB_LOG_LEVEL=info) and report it.',
    });
  const { uploadId } = upload;
  const { job } = await submitJob(ports, { target: 'both', body: { uploadId }, baseUrl: url });
  return job;
}

async function finished(request: DemoRequest, submittedJob: JobAnswer): Promise<JobAnswer> {
  const { service, signal, onProgress } = request;
  const links = { baseUrl: service.url, events: true };
  let job = submittedJob;
  while (!isFinal(job.state)) {
    if (signal.aborted) await cancelJob(service.ports, job.jobId, links);
    throwIfCancelled(signal);
    await sleep(POLL_MS);
    job = await readJob(service.ports, job.jobId, links);
    onProgress(job);
  }
  const error = job.cases[0]?.error ?? job.error;
  if (error === null) return job;
  throw new HpbError(error.code, error.message, { remedy: error.remedy, details: error.details });
}

function truthText(metadata: Metadata, phantom: Phantom): string {
  const rows = checkVolumes(metadata, phantomVolumes(phantom)).map(({ structure, foundMl, ml }) => {
    const found = foundMl ?? 0;
    const percent = (100 * (found - ml)) / ml;
    const difference = `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
    return [TITLES[structure] ?? structure, found.toFixed(1), ml.toFixed(1), difference];
  });
  const heading = ['structure', 'found, ml', 'truth, ml', 'difference'];
  return `Against the known truth of the synthetic CT:\n${tableText([heading, ...rows], [1, 2, 3])}`;
}

const TITLES: Readonly<Record<string, string>> = {
  hepatic_vessels: 'hepatic vessels',
  liver_tumors: 'liver tumours',
};
