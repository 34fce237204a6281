import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNifti } from '../../adapters/nifti-file.ts';
import type { EngineCall } from '../../core/engine-protocol.ts';
import { isFinal } from '../../core/job.ts';
import type { JobAnswer } from '../../core/requests.ts';
import { plausibleMask } from '../fakes/plausible-mask.ts';
import { GRID } from '../container/worker-bench.ts';
import type { Cell, Ending, Outcome } from './cell.ts';
import { reach, SEED, type Reached } from './columns.ts';
import { ctOf, Drill, type DrillOptions } from './drill.ts';

/** A fault that strikes the processes or files of a service. */
export interface Fault {
  readonly options?: DrillOptions;
  /** Before the job comes: what must be so that the fault can strike. */
  readonly before?: (drill: Drill) => Promise<unknown>;
  /** Default: the usual way into the stage. */
  readonly reach?: (drill: Drill) => Promise<Reached>;
  readonly strike: (drill: Drill, reached: Reached) => Promise<unknown>;
  /** Default: the stage goes on after the strike. */
  readonly release?: (drill: Drill, reached: Reached) => Promise<unknown>;
  /** Once the job has ended: what a person would mend before trying again. */
  readonly mend?: (drill: Drill) => Promise<unknown>;
  /** What the result of a job that succeeded has to be. Default: that of the CT that was sent. */
  readonly isRight?: (drill: Drill, jobId: string) => Promise<void>;
}

/** Runs a cell on real processes: reach the stage, strike, look at the job through the API, try again, go on. */
export const onProcesses =
  (fault: Fault): Cell['run'] =>
  async ({ column, boundSeconds }) => {
    const drill = new Drill(fault.options);
    try {
      await fault.before?.(drill);
      const reached = await (fault.reach?.(drill) ?? reach(drill, column));
      const struck = performance.now();
      await fault.strike(drill, reached);
      await (fault.release ?? letGo)(drill, reached);
      // Whose upload broke off sends it again.
      const jobId = reached.jobId ?? (await drill.send(await ctOf(SEED))).jobId;
      const job = await drill.ended(jobId, boundSeconds);
      const seconds = (performance.now() - struck) / 1000;
      inTime(job);
      await fault.mend?.(drill);
      const ending = await endingOf(drill, job, fault.isRight);
      await goesOn(drill);
      return { ...ending, seconds, left: await drill.leftovers() };
    } finally {
      await drill.close();
    }
  };

const letGo = (_: Drill, { release }: Reached): Promise<void> => release();

/** Runs a cell in which something is refused and no job comes to be; afterwards the service goes on. */
export const onRefusal =
  (options: DrillOptions, ask: (drill: Drill) => Promise<{ readonly code: string | null }>): Cell['run'] =>
  async () => {
    const drill = new Drill(options);
    try {
      await drill.service.url();
      const struck = performance.now();
      const { code } = await ask(drill);
      const seconds = (performance.now() - struck) / 1000;
      await goesOn(drill);
      const outcome: Outcome = {
        state: 'REFUSED',
        code,
        kept: 'nothing',
        seconds,
        left: await drill.leftovers(),
      };
      return outcome;
    } finally {
      await drill.close();
    }
  };

/** What a job came to: a result that is right, or a failure after which it can be tried again without a new upload. */
async function endingOf(drill: Drill, job: JobAnswer, check = isRight): Promise<Ending> {
  const code = job.error?.code ?? null;
  const { state } = job;
  if (!isEnd(state)) throw new Error(`not final: ${state}`);
  if (state === 'SUCCEEDED') {
    await check(drill, job.jobId);
    return { state, code, kept: 'result' };
  }
  if ((await drill.maskOf(job.jobId)) !== null) throw new Error(`${state} and yet there is a mask`);
  const again = await drill.post(`/jobs/${job.jobId}/retry`);
  if (again.status !== 202) return { state, code, kept: 'nothing' };
  const second = await drill.ended(job.jobId, 60);
  if (second.state !== 'SUCCEEDED') return { state, code, kept: 'nothing' };
  await isRight(drill, job.jobId);
  return { state, code, kept: 'upload' };
}

const isEnd = (state: JobAnswer['state']): state is Exclude<Ending['state'], 'REFUSED'> => isFinal(state);

/** Throws when a job has ended after its deadline. */
function inTime({ jobId, endedAt, deadlineAt }: JobAnswer): void {
  if (deadlineAt !== null && endedAt! > deadlineAt) throw new Error(`${jobId} ended after its deadline`);
}

/** Throws unless the mask of a job is the one that the double makes of this CT, byte by byte. */
async function isRight(drill: Drill, jobId: string): Promise<void> {
  const [found, expected] = [await drill.maskOf(jobId), await expectedMask()];
  if (found !== expected) throw new Error(`a wrong result: the mask of ${jobId} is ${found}`);
}

/** A new job of another CT has to succeed, whatever has happened. */
async function goesOn(drill: Drill): Promise<void> {
  const { jobId } = await drill.send(await ctOf(SEED + 1));
  const { state, error } = await drill.ended(jobId, 60);
  if (state !== 'SUCCEEDED') throw new Error(`the next job ended ${state} (${error?.code})`);
  await isRight(drill, jobId);
}

let expected: Promise<string> | undefined;

/** SHA-256 of the mask as it is published, made without the service. */
export function expectedMask(): Promise<string> {
  expected ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hpb-mask-'));
    const path = join(folder, 'liver.nii.gz');
    const call = { engine: 'totalsegmentator', task: 'total', multilabel: false } as unknown as EngineCall;
    await writeNifti(path, plausibleMask(GRID, call));
    const bytes = readFileSync(path);
    rmSync(folder, { recursive: true });
    return createHash('sha256').update(bytes).digest('hex');
  })();
  return expected;
}
