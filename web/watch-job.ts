import { isOver } from './words.ts';
import { asHpbError } from '../core/errors.ts';
import type { JobAnswer } from '../core/requests.ts';
import { api } from './api.ts';

/** Browsers hold six connections to a server, and each stream takes one of them for good. */
const MOST_STREAMS = 2;
const POLL_MS = 2000;

let streams = 0;

/** Who is told how a job goes on. */
export interface JobWatcher {
  readonly onJob: (job: JobAnswer) => void;
  /** Somebody has deleted it. */
  readonly onGone: () => void;
  /** The service does not answer; it is asked again until it does. */
  readonly onSilence: () => void;
}

/**
 * Tells how a job goes on until it is final: by its events where the service offers them, else by asking.
 *
 * @returns what ends it early.
 */
export function watchJob(job: JobAnswer, watcher: JobWatcher): () => void {
  if (isOver(job)) return () => undefined;
  const { events } = job.links;
  if (events === undefined || streams >= MOST_STREAMS) return poll(job.jobId, watcher);
  return listen(job, new URL(events, location.href).pathname, watcher);
}

function listen({ jobId }: JobAnswer, path: string, watcher: JobWatcher): () => void {
  const source = new EventSource(path);
  streams += 1;
  let dropped = false;
  let end = (): void => {
    source.close();
    streams -= 1;
    end = () => undefined;
  };
  const hear = ({ data }: MessageEvent<string>): void => {
    const job = JSON.parse(data) as JobAnswer;
    dropped = false;
    if (isOver(job)) end();
    watcher.onJob(job);
  };
  source.addEventListener('state', hear);
  source.addEventListener('progress', hear);
  source.addEventListener('error', () => {
    // The browser connects again by itself, unless it was refused. A stream may end; that none begins is silence.
    if (source.readyState !== EventSource.CLOSED) {
      if (dropped) watcher.onSilence();
      dropped = true;
      return;
    }
    end();
    end = poll(jobId, watcher, 0);
  });
  return () => end();
}

function poll(jobId: string, { onJob, onGone, onSilence }: JobWatcher, firstMs = POLL_MS): () => void {
  let ended = false;
  let timer: number;
  const ask = async (): Promise<void> => {
    const answer = await api.job(jobId).catch(asHpbError);
    if (ended) return;
    if (!(answer instanceof Error)) {
      onJob(answer);
      if (!isOver(answer)) wait(POLL_MS);
    } else if (answer.code === 'JOB_NOT_FOUND') onGone();
    else {
      onSilence();
      wait(POLL_MS);
    }
  };
  const wait = (ms: number): void => void (timer = setTimeout(() => void ask(), ms));
  wait(firstMs);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
