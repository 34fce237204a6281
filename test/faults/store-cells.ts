import { createHash } from 'node:crypto';
import { asHpbError, HpbError } from '../../core/errors.ts';
import type { JobDocument } from '../../core/job.ts';
import { caseFileKey, caseIdOf, type JobId } from '../../core/layout.ts';
import { readJob } from '../../core/use-cases/read-job.ts';
import { resultOf } from '../../core/use-cases/result-of.ts';
import { retryJob } from '../../core/use-cases/retry-job.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { openUpload } from '../../core/use-cases/uploads.ts';
import { COLUMNS, type Cell, type Column, type Ending, type Outcome } from './cell.ts';
import { SEED } from './columns.ts';
import { ctOf } from './drill.ts';
import { failingCall, STORE_FAULTS, type StoreFault } from './faulty-store.ts';
import { Flow } from './flow.ts';
import { expectedMask } from './process-cell.ts';

/** Links of answers. */
export const LINKS = { baseUrl: 'http://service', events: false } as const;

/** What a caller does whom the service cannot answer for a moment: asks again. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (tries === 3 || !asHpbError(thrown).retryable) throw thrown;
    }
  }
}

/** Uploads the CT of all drills and starts a job of it, as a caller who asks again does. */
export async function submitted(flow: Flow): Promise<JobId> {
  const bytes = await ctOf(SEED);
  const opened = await patiently(() =>
    openUpload(flow.ports, { fileName: 'ct.nii.gz', sizeBytes: bytes.length }),
  );
  await flow.links.send(opened.put!, bytes);
  const submission = {
    target: 'liver',
    body: { uploadId: opened.uploadId },
    idempotencyKey: 'drill',
    baseUrl: LINKS.baseUrl,
  } as const;
  const { job } = await patiently(() => submitJob(flow.ports, submission));
  return job.jobId;
}

/** Throws unless the stored mask of a job is right. */
export async function assertRight(flow: Flow, { jobId, zip }: JobDocument): Promise<void> {
  const mask = await flow.stored.get(caseFileKey(jobId, caseIdOf(1), 'liver.nii.gz'));
  const found = createHash('sha256').update(mask).digest('hex');
  if (found !== (await expectedMask())) throw new Error('a wrong result: another mask');
  const packed = zip === null ? null : await flow.stored.get(zip.key);
  if (packed === null || createHash('sha256').update(packed).digest('hex') !== zip!.sha256)
    throw new Error('a wrong result: the ZIP is not what the job says');
}

let calm: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

/** What the worker stores of this job when nothing goes wrong. */
export function calmCases(): Promise<ReadonlyMap<string, Uint8Array>> {
  calm ??= (async () => {
    const flow = new Flow();
    await flow.ended(await submitted(flow));
    await flow.close();
    return flow.storedCases();
  })();
  return calm;
}

/** Stages in which a worker has no part; what it would store is stored for it. */
const WITHOUT_WORKER: ReadonlySet<Column> = new Set(['upload', 'prepare', 'status']);

/** One flow over a store that fails once, at the n-th call of a stage; null when it has fewer calls. */
async function oneFault(fault: StoreFault, column: Column, nth: number): Promise<Ending | null> {
  let calls = 0;
  const flow = new Flow({
    ...(WITHOUT_WORKER.has(column) && { replay: await calmCases() }),
    store: (now) => (now === column && ++calls === nth ? failingCall(fault) : null),
  });
  try {
    const ending = await endOf(flow, await submitted(flow));
    return calls < nth ? null : ending;
  } finally {
    await flow.close();
  }
}

/** What a flow comes to, and its retry where it has failed; throws where an invariant does not hold. */
export async function endOf(flow: Flow, jobId: JobId): Promise<Ending> {
  const job = await flow.ended(jobId);
  await patiently(() => readJob(flow.ports, jobId, LINKS));
  const { state, error } = job;
  const code = error?.code ?? null;
  if (state === 'SUCCEEDED') {
    await patiently(() => resultOf(flow.ports, jobId));
    await assertRight(flow, job);
    return { state, code, kept: 'result' };
  }
  if (state !== 'FAILED' || code === null) throw new Error(`ended ${state} with ${code}`);
  const again = await patiently(() => retryJob(flow.ports, jobId, LINKS)).catch(asHpbError);
  if (again instanceof HpbError) {
    if (again.code !== 'JOB_NOTHING_TO_RETRY') throw again;
    return { state, code, kept: 'nothing' };
  }
  const second = await flow.ended(jobId, 2);
  if (second.state !== 'SUCCEEDED')
    throw new Error(`the retry ended ${second.state} (${second.error?.code})`);
  await assertRight(flow, second);
  return { state, code, kept: 'upload' };
}

/** Every call of a stage goes wrong once, in a flow each; the worst end of all counts. */
const atEachCall =
  (fault: StoreFault): Cell['run'] =>
  async ({ column }) => {
    let worst: Ending = { state: 'SUCCEEDED', code: null, kept: 'result' };
    const start = performance.now();
    for (let nth = 1; ; nth += 1) {
      const ending = await oneFault(fault, column, nth).catch((thrown: Error) => {
        throw new Error(`at call ${nth}: ${thrown.message}`, { cause: thrown });
      });
      if (ending?.state === 'FAILED') worst = ending;
      if (ending !== null) continue;
      if (nth === 1) throw new Error('the store is not called at all');
      const seconds = (performance.now() - start) / 1000 / nth;
      const outcome: Outcome = { ...worst, seconds, left: [], note: `${nth - 1} calls, one flow each` };
      return outcome;
    }
  };

const FAILS: Ending = { state: 'FAILED', code: 'STORE_UNAVAILABLE', kept: 'upload' };
const HOW: Readonly<Record<StoreFault, string>> = {
  throttle: 'each call of the store in this stage in turn is throttled (503 SlowDown)',
  '500': 'each call of the store in this stage in turn is answered with 500',
  timeout: 'each call of the store in this stage in turn is carried out, and its answer lost',
  slow: 'each call of the store in this stage in turn is late',
};

export const STORE_CELLS: readonly Cell[] = (Object.keys(STORE_FAULTS) as StoreFault[]).flatMap((fault) =>
  COLUMNS.map((column): Cell => ({
    row: `store-${fault}`,
    column,
    how: HOW[fault],
    // The SDK tries three times before it says so; what then still fails in a worker fails the case, with its code.
    expected:
      fault !== 'slow' && (column === 'fetch' || column === 'publish')
        ? FAILS
        : { state: 'SUCCEEDED', code: null, kept: 'result' },
    boundSeconds: 30,
    fast: fault === 'throttle' && column === 'upload',
    run: atEachCall(fault),
  })),
);
