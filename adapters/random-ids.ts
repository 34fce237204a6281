import { createHash, randomBytes } from 'node:crypto';
import type { JobId, UploadId } from '../core/layout.ts';
import type { Ids } from '../core/ports.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** 80 bits: nobody guesses the id of someone else's job. */
const random = (): string => randomBytes(10).toString('hex');

/** Ids from the operating system's random source. */
export const randomIds: Ids = {
  uploadId: () => `u-${random()}` as UploadId,
  jobId: () => `j-${random()}` as JobId,
  derivedJobId: (text) => `k-${sha256(text).slice(0, 40)}` as JobId,
  sha256,
};
