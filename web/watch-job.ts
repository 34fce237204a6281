import { asHpbError } from '../core/errors.ts';
import type { JobAnswer } from '../core/requests.ts';
import { api } from './api.ts';
import { isOver } from './words.ts';

/**
 * Browsers hold six connections to a server, for all tabs together, and each stream takes one of them for good: a tab
 * more would not even load. So there are as many streams as locks, which tabs share.
 */
const STREAM_LOCKS = ['hpb-stream-1', 'hpb-stream-2'];
const POLL_MS = 2000;
/** After a cancellation that may be the beginning of a deletion. */
const MOST_LOOKS = 3;

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
export function watchJob(job: JobAnswer, onlooker: JobWatcher): () => void {
  if (isOver(job)) return () => undefined;
  const watcher: JobWatcher = {
    ...onlooker,
    onJob: (seen) => {
      onlooker.onJob(seen);
      // Who deletes a job that runs cancels it first.
      if (seen.state === 'CANCELLED' && !ended) end = watchDeletion(seen.jobId, onlooker.onGone);
    },
  };
  let ended = false;
  let end = poll(job.jobId, watcher);
  const { events } = job.links;
  if (events !== undefined)
    void withStream((release) => {
      if (ended) return release();
      end();
      end = listen(job.jobId, { path: new URL(events, location.href).pathname, watcher, release });
    }).catch(() => undefined);
  return () => {
    ended = true;
    end();
  };
}

/** Looks for a while whether a job is deleted; returns what ends that. */
function watchDeletion(jobId: string, onGone: () => void): () => void {
  let ended = false;
  let looks = 0;
  let timer: number;
  const look = async (): Promise<void> => {
    const answer = await api.job(jobId).catch(asHpbError);
    looks += 1;
    if (ended) return;
    if (answer instanceof Error && answer.code === 'JOB_NOT_FOUND') onGone();
    else if (looks < MOST_LOOKS) wait();
  };
  const wait = (): void => void (timer = setTimeout(() => void look(), POLL_MS));
  wait();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/** Calls `use` with one of the streams, until that lets it go; not at all while others have them. */
async function withStream(use: (release: () => void) => void): Promise<void> {
  // Pages that come over plain http from another machine have no locks; where pages may store nothing they are refused.
  const { locks }: Partial<Pick<Navigator, 'locks'>> = navigator;
  if (locks === undefined) return;
  for (const name of STREAM_LOCKS) {
    const taken = await locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock !== null) await new Promise<void>(use);
      return lock !== null;
    });
    if (taken) return;
  }
}

function listen(
  jobId: string,
  {
    path,
    watcher,
    release,
  }: { readonly path: string; readonly watcher: JobWatcher; readonly release: () => void },
): () => void {
  const source = new EventSource(path);
  let dropped = false;
  let end = (): void => {
    source.close();
    release();
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
