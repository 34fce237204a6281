import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, truncate, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchMetrics } from '../../adapters/cloudwatch-metrics.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { LocalExecutions } from '../../adapters/local-executions.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { S3SignedLinks } from '../../adapters/s3-signed-links.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { writeZip } from '../../adapters/zip-archive.ts';
import { isFinal, type JobDocument } from '../../core/job.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { DEFAULT_LIMITS, type ServicePorts } from '../../core/use-cases/service-ports.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { openUpload } from '../../core/use-cases/uploads.ts';
import { workflowFunctions } from '../../core/use-cases/workflow-functions.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { STAGE, type Deployment } from './deployment.ts';
import { rehearsalError } from './shell.ts';

/** Stands in every name that the caller gives, and may come back to the caller only. */
export const MARK = 'Erika-Mustermann-1964';
const SEEDS = [1, 2, 3] as const;
const BROKEN_SEED = 3;
/** One rehearsed job is to be over by then. */
const LONGEST_MS = 25 * 60_000;

/** What happened on the way of the batch. */
export interface RehearsedJob {
  readonly job: JobDocument;
  /** What the functions of the workflow logged. */
  readonly functionLog: string;
  readonly seconds: number;
}

/**
 * Sends an archive of three phantoms, one cut short, through signed upload, workflow and Batch. The limits are such that
 * workers unpack the archive, run a shard for each case, and put the result together.
 */
export async function runBatch(deployment: Deployment, folder: string): Promise<RehearsedJob> {
  const start = performance.now();
  const archive = await makeArchive(folder);
  let functionLog = '';
  const ports = servicePorts(deployment, folder, (line) => {
    functionLog += line;
  });
  const body = await readFile(archive);
  const upload = await openUpload(ports, {
    fileName: `${MARK}.zip`,
    sizeBytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
  const { url, method, headers } = upload.put!;
  const sent = await fetch(url, { method, headers, body });
  if (!sent.ok)
    throw rehearsalError(`The signed upload was answered ${sent.status}.`, 'See the log of MiniStack.');
  const submission = { uploadId: upload.uploadId, model: 'both' as const };
  const { job } = await submitJob(ports, { target: 'batch', body: submission, baseUrl: 'http://rehearsal' });
  for (const until = Date.now() + LONGEST_MS; Date.now() < until; await sleep(1_000)) {
    const now = await ports.index.get(job.jobId);
    const execution = await ports.executions.describe(`${job.jobId}-a1`);
    if (now !== null && isFinal(now.state) && execution?.status !== 'RUNNING')
      return { job: now, functionLog, seconds: (performance.now() - start) / 1000 };
  }
  throw rehearsalError('The job did not end.', 'See the logs of its workers in the folder of the rehearsal.');
}

async function makeArchive(folder: string): Promise<string> {
  const cts = join(folder, 'cts');
  mkdirSync(cts);
  const members = [];
  for (const seed of SEEDS) {
    const name = `${MARK}-${seed}.nii.gz`;
    const path = join(cts, name);
    await writeNifti(path, makePhantom({ seed, grid: phantomGrid('small') }).ct);
    if (seed === BROKEN_SEED) await truncate(path, Math.floor((await stat(path)).size / 2));
    members.push({ name: `${MARK}/${name}`, path });
  }
  const archive = join(folder, 'batch.zip');
  await writeZip(archive, members);
  return archive;
}

/** The service over S3, CloudWatch and Batch; its functions and its interpreter run in this process. */
function servicePorts(
  { s3, cloudWatch, jobsBucket, store, jobs }: Deployment,
  folder: string,
  write: (line: string) => void,
): ServicePorts {
  const clock = systemClock;
  const ports: Omit<ServicePorts, 'executions'> = {
    store,
    links: new S3SignedLinks({ client: s3, bucket: jobsBucket, store, clock }),
    index: new StoreJobIndex(store, clock),
    jobs,
    intake: new UploadIntake({ store, scratch: join(folder, 'intake') }),
    bundler: new StoreBundler(store),
    metrics: new CloudWatchMetrics(cloudWatch, clock, metricNamespace(STAGE)),
    ids: randomIds,
    clock,
    log: jsonLog({ level: 'debug', clock, write }),
    limits: {
      ...DEFAULT_LIMITS,
      slots: 2,
      shardCases: 1,
      slowness: 60,
      functionArchiveBytes: 1,
      functionResultBytes: 1,
    },
    admission: () => Promise.resolve(),
  };
  const executions: LocalExecutions = new LocalExecutions({
    store,
    jobs,
    functions: workflowFunctions(ports),
  });
  return { ...ports, executions };
}
