import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../adapters/file-error.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import {
  canaryPhantom,
  checkVolumes,
  phantomVolumes,
  type CheckedVolume,
  type ExpectedVolume,
} from '../core/canary.ts';
import { asHpbError, HpbError } from '../core/errors.ts';
import type { JobAnswer } from '../core/requests.ts';
import { prepareFolder } from '../local/export-case.ts';
import { readMetadata } from '../local/read-metadata.ts';
import { verifyResult, type VerifiedCase } from '../local/verify-result.ts';
import type { Service } from './api/service.ts';
import { fetchJob } from './fetch-job.ts';
import type { RunArguments } from './options.ts';
import { submitInput } from './transfer/submission.ts';
import { watchJob } from './watch-job.ts';

/** How the way through a service is tried. */
export interface CanaryRequest {
  /** Null: the synthetic CT. */
  readonly ct: string | null;
  /** Null: those of the synthetic CT; none for another one. */
  readonly expected: readonly ExpectedVolume[] | null;
  readonly run: RunArguments;
  readonly timeoutSeconds: number;
  readonly dataRoot: string;
  readonly signal: AbortSignal;
  readonly onStep: (words: string, fraction: number) => void;
}

/** A thing that was looked at. */
export interface CanaryCheck {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

/** What came of it. */
export interface CanaryReport {
  readonly ok: boolean;
  readonly jobId: string;
  /** From the first byte sent to the last one checked. */
  readonly seconds: number;
  /** Whether demo networks took part; null without a result. */
  readonly demo: boolean | null;
  readonly checks: readonly CanaryCheck[];
  readonly volumes: readonly CheckedVolume[];
  /** What the checks do not say. */
  readonly notes: readonly string[];
}

/**
 * Takes a CT the whole way through a service, as any caller: upload, job, result; checks the result against its
 * receipt and its volumes against what they have to be. The job is purged afterwards, whatever came of it.
 *
 * @throws HpbError what the service throws; JOB_TIMEOUT when the job is not over in time, CANCELLED.
 */
export async function runCanary(service: Service, request: CanaryRequest): Promise<CanaryReport> {
  return inFolder(request.dataRoot, async (folder) => {
    const start = performance.now();
    const { ct, expected } = await inputOf(request, folder);
    const { job, settle } = await submitInput(service, ct, {
      run: request.run,
      dataRoot: request.dataRoot,
      signal: request.signal,
      onPacked: () => undefined,
      onUpload: (done, total) => request.onStep('uploading', total === 0 ? 1 : done / total),
    });
    await settle();
    try {
      const ended = await ending(service, job.jobId, request);
      const looked = await lookAt(service, ended, { folder, expected, request });
      const seconds = (performance.now() - start) / 1000;
      const ok = [...looked.checks, ...looked.volumes].every((one) => one.ok);
      return { ok, jobId: job.jobId, seconds, ...looked };
    } finally {
      // After Ctrl-C nothing can be asked any more: the service's own retention takes it.
      if (!request.signal.aborted) await service.purge(job.jobId);
    }
  });
}

async function inputOf(
  { ct, expected }: CanaryRequest,
  folder: string,
): Promise<{ readonly ct: string; readonly expected: readonly ExpectedVolume[] }> {
  if (ct !== null) return { ct, expected: expected ?? [] };
  const phantom = canaryPhantom();
  const path = join(folder, 'canary.nii.gz');
  await writeNifti(path, phantom.ct);
  return { ct: path, expected: expected ?? phantomVolumes(phantom) };
}

async function ending(service: Service, jobId: string, request: CanaryRequest): Promise<JobAnswer> {
  const { signal, timeoutSeconds, onStep } = request;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  try {
    return await watchJob(service, jobId, {
      signal: inTime,
      onLook: ({ stage, percent }) => onStep(stage, percent / 100),
    });
  } catch (thrown) {
    if (signal.aborted || !inTime.aborted || asHpbError(thrown).code !== 'CANCELLED') throw thrown;
    throw new HpbError('JOB_TIMEOUT', `The canary ${jobId} was not over after ${timeoutSeconds} s.`, {
      remedy: 'Look whether machines can be had (`hpb doctor --aws`), or give it more time with --timeout.',
    });
  }
}

type Looked = Pick<CanaryReport, 'demo' | 'checks' | 'volumes' | 'notes'>;

async function lookAt(
  service: Service,
  job: JobAnswer,
  of: {
    readonly folder: string;
    readonly expected: readonly ExpectedVolume[];
    readonly request: CanaryRequest;
  },
): Promise<Looked> {
  const { folder, expected, request } = of;
  const error = job.cases[0]?.error ?? job.error;
  const found = error === null ? job.state : `${job.state}, ${error.code}: ${error.message}`;
  const check = { name: 'job', expected: 'SUCCEEDED', found, ok: job.state === 'SUCCEEDED' };
  if (!check.ok) return { demo: null, checks: [check], volumes: [], notes: [] };
  const [fetched] = await fetchJob(
    service,
    { jobId: job.jobId },
    {
      out: join(folder, 'results'),
      unpack: false,
      to: null,
      region: undefined,
      dataRoot: request.dataRoot,
      signal: request.signal,
      onProgress: (done, total) => request.onStep('fetching', done / total),
    },
  );
  const zip = fetched!.file!;
  const { cases } = await verifyResult(zip, { key: null, inputSha256: null });
  const [result] = await readMetadata(zip);
  const { demo } = result!.metadata;
  return {
    demo,
    ...volumesOf(result!.metadata, { expected, demo, request }),
    checks: [check, receiptCheck(cases)],
  };
}

function receiptCheck(cases: readonly VerifiedCase[]): CanaryCheck {
  const problems = cases.flatMap((one) => one.problems);
  return {
    name: 'receipt',
    expected: 'every file as it says',
    found:
      problems.length === 0
        ? 'every file as it says'
        : problems.map(({ what, name }) => `${name}: ${what}`).join('; '),
    ok: problems.length === 0,
  };
}

function volumesOf(
  metadata: Parameters<typeof checkVolumes>[0],
  {
    expected,
    demo,
    request: { ct, expected: given },
  }: {
    readonly expected: readonly ExpectedVolume[];
    readonly demo: boolean;
    readonly request: CanaryRequest;
  },
): Pick<Looked, 'volumes' | 'notes'> {
  if (ct === null && given === null && !demo)
    return {
      volumes: [],
      notes: [
        'Volumes were not compared: real weights know no synthetic CT. Give a CT of your own with --ct and --expect.',
      ],
    };
  const notes = [
    ...(demo ? ['DEMO weights: this says nothing about real CTs.'] : []),
    ...(expected.length === 0 ? ['Volumes were not compared: --expect tells none.'] : []),
  ];
  return { volumes: checkVolumes(metadata, expected), notes };
}

async function inFolder<T>(dataRoot: string, use: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(dataRoot, 'client');
  await prepareFolder(parent);
  const folder = await mkdtemp(join(parent, 'canary-')).catch((error: unknown) => {
    throw outputError(error);
  });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
