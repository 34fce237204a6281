import { setTimeout as sleep } from 'node:timers/promises';
import { HpbError } from '../core/errors.ts';
import { isFinal } from '../core/job.ts';
import type { JobAnswer } from '../core/requests.ts';
import type { Service } from './api/service.ts';

/** How a job is watched. */
export interface WatchOptions {
  /** Told about the job each time it was looked at. */
  readonly onLook: (job: JobAnswer) => void;
  readonly signal: AbortSignal;
  /** Between two looks at first, default 0.5 s; grows to ten times as much. */
  readonly pauseMs?: number;
}

/**
 * Looks at a job until it is final, through restarts of the service.
 *
 * @throws HpbError CANCELLED when the watching is interrupted; the job itself goes on.
 */
export async function watchJob(service: Service, jobId: string, options: WatchOptions): Promise<JobAnswer> {
  const { onLook, signal, pauseMs = 500 } = options;
  try {
    for (let pause = pauseMs; ; pause = Math.min(pauseMs * 10, pause * 1.2)) {
      const job = await service.job(jobId);
      onLook(job);
      if (isFinal(job.state)) return job;
      await sleep(pause, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new HpbError('CANCELLED', `Interrupted: no longer watching ${jobId}. The job itself goes on.`, {
      remedy: `The same command again goes on; \`hpb status ${jobId}\` says how far it is, \`hpb fetch ${jobId}\` gets its results once it has ended, \`hpb cancel ${jobId}\` ends it.`,
    });
  }
}
