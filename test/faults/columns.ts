import { request, type ClientRequest } from 'node:http';
import { FileStoreKeys } from '../../adapters/file-store-keys.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { jobDocumentKey } from '../../core/layout.ts';
import type { Column } from './cell.ts';
import { ctOf, kill, type Drill } from './drill.ts';

/** A job that is just in a stage, and stays there. */
export interface Reached {
  /** Null while something is uploaded: there is no job yet. */
  readonly jobId: string | null;
  /** Lets it go on. */
  readonly release: () => Promise<void>;
}

/** The CT of all drills. */
export const SEED = 1;

/** Log lines at which a worker has done a stage and not yet begun with the next. */
const STAGE_LINES = {
  fetch: '"stage":"fetch"',
  measure: '"stage":"measure"',
  publish: '"stage":"publish"',
} as const;

/** Brings a job into a stage, in which it stays until it is released. */
export async function reach(drill: Drill, column: Column): Promise<Reached> {
  switch (column) {
    case 'upload':
      return halfUploaded(drill);
    case 'prepare':
      return inPreparation(drill);
    case 'segment':
      return inEngine(drill);
    case 'status': {
      const { jobId } = await drill.send(await ctOf(SEED));
      await drill.ended(jobId, 60);
      return { jobId, release: async () => undefined };
    }
    case 'fetch':
    case 'measure':
    case 'publish':
      return inStage(drill, STAGE_LINES[column]);
  }
}

/** A signed PUT of which half the bytes have been sent. */
async function halfUploaded(drill: Drill): Promise<Reached> {
  const bytes = await ctOf(SEED);
  const { put } = await drill.openUpload(bytes);
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const sending: ClientRequest = request(put.url, { method: 'PUT', headers: put.headers }, (answer) => {
    answer.resume().once('end', resolve);
  });
  // Whose server is gone.
  sending.on('error', () => resolve());
  await new Promise<void>((sent) => sending.write(bytes.subarray(0, bytes.length / 2), () => sent()));
  return {
    jobId: null,
    release: async () => {
      sending.end(bytes.subarray(bytes.length / 2));
      await answered;
    },
  };
}

/** A job whose document somebody holds the lock of: its preparation has begun and cannot say so. */
async function inPreparation(drill: Drill): Promise<Reached> {
  const key = 'drill';
  await drill.service.url();
  const jobId = randomIds.derivedJobId(`key:${key}`);
  const keys = new FileStoreKeys(drill.seenByService('objects'));
  const release = await acquireProcessLock(keys.lockOf(jobDocumentKey(jobId)));
  await drill.send(await ctOf(SEED), { key });
  return { jobId, release };
}

async function inEngine(drill: Drill): Promise<Reached> {
  drill.engineDoes('held');
  const { jobId } = await drill.send(await ctOf(SEED));
  await drill.held('engine');
  return { jobId, release: async () => drill.engineDoes('ok') };
}

async function inStage(drill: Drill, line: string): Promise<Reached> {
  drill.stopAt('worker', line);
  const { jobId } = await drill.send(await ctOf(SEED));
  const pid = await drill.held('worker');
  return { jobId, release: async () => kill(pid, 'SIGCONT') };
}
