import { finishedDocument } from '../../core/finished-document.ts';
import type { JobDocument } from '../../core/job.ts';
import type { Log } from '../../core/ports.ts';

const PATIENCE_MS = 10_000;

/** Posts the end of every job to `url`, once; a webhook that does not answer is logged and fails nothing. */
export function finishedWebhook(url: string, log: Log): (job: JobDocument) => Promise<void> {
  return async (job) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(finishedDocument(job)),
        signal: AbortSignal.timeout(PATIENCE_MS),
        redirect: 'error',
      });
      await answer.body?.cancel();
      if (!answer.ok) log.warn('notify:failed', { jobId: job.jobId, status: answer.status });
    } catch {
      log.warn('notify:failed', { jobId: job.jobId, status: null });
    }
  };
}
