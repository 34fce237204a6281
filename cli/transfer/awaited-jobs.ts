import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { outputError } from '../../adapters/file-error.ts';
import { makeFolder } from '../../adapters/make-folder.ts';
import { HpbError } from '../../core/errors.ts';
import { isFinal, type JobState } from '../../core/job.ts';
import type { JobAnswer } from '../../core/requests.ts';
import type { Service } from '../api/service.ts';
import { removeOld } from './upload-records.ts';

const awaitedJob = z.object({ layoutVersion: z.literal(1), jobId: z.string() });

/** A job that ended longer ago is no longer what the same command asks for. */
const FRESH_MS = 24 * 3_600_000;
/** Who sends the same again after these wants another try. */
const ENDED_BADLY: ReadonlySet<JobState> = new Set(['FAILED', 'CANCELLED']);

/** Jobs whose results a command of this machine has not fetched yet: small files, none of which holds a name. */
export interface AwaitedJobs {
  /** The job that an interrupted command waited for; null when there is none, or it is of no use any more. */
  find(service: Service, key: string): Promise<JobAnswer | null>;
  add(key: string, jobId: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Opens the records below `folder` and forgets old ones. Writing throws DISK_FULL or OUTPUT_UNWRITABLE. */
export async function openAwaitedJobs(folder: string): Promise<AwaitedJobs> {
  await removeOld(folder);
  const pathOf = (key: string): string => join(folder, `${key}.json`);
  return {
    async find(service, key) {
      const jobId = await recordedJob(pathOf(key));
      return jobId === null ? null : usableJob(service, jobId);
    },
    async add(key, jobId) {
      const partial = join(folder, `${key}.${randomUUID()}.partial`);
      try {
        await makeFolder(folder);
        await writeFile(partial, JSON.stringify({ layoutVersion: 1, jobId }));
        await rename(partial, pathOf(key));
      } catch (error) {
        await rm(partial, { force: true }).catch(() => undefined);
        throw outputError(error);
      }
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

/** What tells one command from another: the service, the files as they are now, and all that is asked for. */
export function awaitedKey(endpoint: string, files: string, call: object): string {
  return createHash('sha256')
    .update(JSON.stringify([endpoint, files, call]))
    .digest('hex');
}

async function recordedJob(path: string): Promise<string | null> {
  try {
    return awaitedJob.parse(JSON.parse(await readFile(path, 'utf8'))).jobId;
  } catch {
    return null;
  }
}

async function usableJob(service: Service, jobId: string): Promise<JobAnswer | null> {
  try {
    const job = await service.job(jobId);
    const isOld = job.endedAt !== null && Date.now() - Date.parse(job.endedAt) > FRESH_MS;
    return ENDED_BADLY.has(job.state) || (isFinal(job.state) && isOld) ? null : job;
  } catch (thrown) {
    if (thrown instanceof HpbError && thrown.code === 'JOB_NOT_FOUND') return null;
    throw thrown;
  }
}
