import { isOver } from './words.ts';
import type { JobAnswer } from '../core/requests.ts';
import { api } from './api.ts';

/** Browsers hold six connections to a server, and each stream takes one of them for good. */
const MOST_STREAMS = 2;
const POLL_MS = 2000;

let streams = 0;

/**
 * Tells how a job goes on until it is final: by its events where the service offers them, else by asking.
 *
 * @returns what ends it early.
 */
export function watchJob(job: JobAnswer, onJob: (job: JobAnswer) => void): () => void {
  if (isOver(job)) return () => undefined;
  const { events } = job.links;
  if (events === undefined || streams >= MOST_STREAMS) return poll(job.jobId, onJob);
  return listen(job, new URL(events, location.href).pathname, onJob);
}

function listen({ jobId }: JobAnswer, path: string, onJob: (job: JobAnswer) => void): () => void {
  const source = new EventSource(path);
  streams += 1;
  let end = (): void => {
    source.close();
    streams -= 1;
    end = () => undefined;
  };
  const hear = ({ data }: MessageEvent<string>): void => {
    const job = JSON.parse(data) as JobAnswer;
    if (isOver(job)) end();
    onJob(job);
  };
  source.addEventListener('state', hear);
  source.addEventListener('progress', hear);
  source.addEventListener('error', () => {
    // The browser connects again by itself, unless it was refused.
    if (source.readyState !== EventSource.CLOSED) return;
    end();
    end = poll(jobId, onJob);
  });
  return () => end();
}

function poll(jobId: string, onJob: (job: JobAnswer) => void): () => void {
  let ended = false;
  let timer: number;
  const ask = async (): Promise<void> => {
    const job = await api.job(jobId).catch(() => null);
    if (ended) return;
    if (job !== null) onJob(job);
    if (job === null || !isOver(job)) wait();
  };
  const wait = (): void => void (timer = setTimeout(() => void ask(), POLL_MS));
  wait();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
