import { z } from 'zod';
import { checkVolumes, phantomVolumes, type CheckedVolume } from '../canary.ts';
import { asHpbError, type ErrorCode } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import { canaryKey, caseIdOf, caseResultKey, isJobId, LAYOUT_VERSION, uploadInputKey } from '../layout.ts';
import { metadataSchema } from '../results/metadata-schema.ts';
import { caseResult, type CaseResult } from '../shard.ts';
import { datatypeOf } from '../volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../volume/nifti-encode.ts';
import type { Phantom } from '../volume/phantom.ts';
import { purgeJob } from './purge-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText, findDocument } from './stored-document.ts';
import { submitJob } from './submit-job.ts';
import { openUpload } from './uploads.ts';

/** What a round came to; `reason` says of a failure what was not as it should be. */
export type CanaryRound =
  | { readonly canary: 'started' | 'waiting' | 'resting' | 'lost' | 'succeeded'; readonly reason: null }
  | { readonly canary: 'failed'; readonly reason: string };

/** How a deployment tries itself. */
export interface CanaryPlan {
  /** From the start of a canary to that of the next. */
  readonly everyHours: number;
  /** Makes the synthetic CT. */
  readonly phantom: () => Phantom;
}

const HOUR_MS = 3_600_000;
/** Rounds come hourly, but not to the second. */
const EARLY_MS = HOUR_MS / 2;
/** A job is ended by its deadline and the sweeper after it; one without a deadline was never prepared. */
const GRACE_MS = 2 * HOUR_MS;
const UNPREPARED_MS = 24 * HOUR_MS;

const canaryState = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  /** ms since 1970. */
  startedAt: z.int(),
  isJudged: z.boolean(),
});
type CanaryState = z.infer<typeof canaryState>;

/**
 * One hourly round: judges the canary under way once it is over, tells the metrics and purges it; otherwise starts the
 * next when it is due. A round that comes twice starts no second canary while one is under way.
 *
 * @throws HpbError what submitting throws (WEIGHTS_MISSING, TOO_MANY_JOBS, …).
 */
export async function canaryRound(ports: ServicePorts, plan: CanaryPlan): Promise<CanaryRound> {
  const state = await findDocument(ports.store, canaryKey(), canaryState);
  if (state !== null && !state.isJudged) return judge(ports, state, plan);
  const dueAt = state === null ? 0 : state.startedAt + plan.everyHours * HOUR_MS - EARLY_MS;
  if (ports.clock.now() < dueAt) return { canary: 'resting', reason: null };
  await start(ports, plan);
  return { canary: 'started', reason: null };
}

async function start(ports: ServicePorts, plan: CanaryPlan): Promise<void> {
  const bytes = phantomFile(plan.phantom());
  const { uploadId } = await openUpload(ports, { fileName: 'canary.nii', sizeBytes: bytes.length });
  await ports.store.put(uploadInputKey(uploadId), bytes);
  const { job } = await submitJob(ports, { target: 'both', body: { uploadId }, baseUrl: '' });
  await keep(ports, { jobId: job.jobId, startedAt: ports.clock.now(), isJudged: false });
  ports.log.info('canary:start', { jobId: job.jobId });
}

async function judge(ports: ServicePorts, state: CanaryState, plan: CanaryPlan): Promise<CanaryRound> {
  const { jobId } = state;
  const job = await ports.index.get(jobId);
  if (job === null) {
    // Somebody has purged it: nothing is known of it.
    await keep(ports, { ...state, isJudged: true });
    return { canary: 'lost', reason: null };
  }
  const now = ports.clock.now();
  const overdueAt = job.deadlineAt === null ? job.createdAt + UNPREPARED_MS : job.deadlineAt + GRACE_MS;
  if (!isFinal(job.state) && now < overdueAt) return { canary: 'waiting', reason: null };
  const reason = isFinal(job.state) ? await faultOf(ports, job, plan) : `still ${job.state}`;
  await ports.metrics.put([
    { name: 'CanaryFailed', value: reason === null ? 0 : 1 },
    { name: 'CanarySeconds', value: ((job.endedAt ?? now) - job.createdAt) / 1000 },
  ]);
  ports.log[reason === null ? 'info' : 'error']('canary:end', { jobId: job.jobId, reason });
  await keep(ports, { ...state, isJudged: true });
  // What is left over, retention takes.
  await purgeJob(ports, job.jobId).catch((thrown: unknown) =>
    ports.log.warn('canary:end', { jobId: job.jobId, reason: `not purged: ${asHpbError(thrown).code}` }),
  );
  return reason === null ? { canary: 'succeeded', reason } : { canary: 'failed', reason };
}

/** What is wrong with the canary that has ended; null when nothing is. */
async function faultOf(ports: ServicePorts, job: JobDocument, plan: CanaryPlan): Promise<string | null> {
  const key = caseResultKey(job.jobId, caseIdOf(1));
  const result = await findDocument(ports.store, key, caseResult);
  if (job.state === 'SUCCEEDED') return faultOfResult(ports, result, plan);
  const code: ErrorCode | undefined = result?.error?.code ?? job.error?.code;
  return code === undefined ? job.state : `${job.state} ${code}`;
}

async function faultOfResult(
  { store }: Pick<ServicePorts, 'store'>,
  result: CaseResult | null,
  plan: CanaryPlan,
): Promise<string | null> {
  const file = result?.files.find(({ name }) => name === 'metadata.json');
  if (file === undefined) return 'no metadata.json';
  const text = new TextDecoder().decode(await store.get(file.key));
  const { success, data } = metadataSchema.safeParse(JSON.parse(text));
  if (!success) return 'metadata.json is not of this version';
  if (!data.demo) return null;
  const wrong = checkVolumes(data, phantomVolumes(plan.phantom())).filter(({ ok }) => !ok);
  return wrong.length === 0 ? null : wrong.map(volumeText).join(', ');
}

const volumeText = ({ structure, foundMl, ml }: CheckedVolume): string =>
  `${structure} ${foundMl?.toFixed(1) ?? 'none'} of ${ml.toFixed(1)} ml`;

function phantomFile({ ct: { grid, data } }: Phantom): Uint8Array {
  const header = encodeNiftiHeader(grid, datatypeOf(data));
  const file = new Uint8Array(header.length + data.byteLength);
  file.set(header);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return file;
}

async function keep(
  { store }: Pick<ServicePorts, 'store'>,
  state: Omit<CanaryState, 'layoutVersion'>,
): Promise<void> {
  await store.put(canaryKey(), documentText({ layoutVersion: LAYOUT_VERSION, ...state }));
}
