import { mkdirSync, writeFileSync } from 'node:fs';
import { request, type ClientRequest } from 'node:http';
import { dirname } from 'node:path';
import { FileStoreKeys } from '../../adapters/file-store-keys.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { jobCasesKey, jobDocumentKey, LAYOUT_VERSION } from '../../core/layout.ts';
import type { JobCases } from '../../core/use-cases/job-cases.ts';
import type { Column } from './cell.ts';
import { ctOf, type Drill } from './drill.ts';
import { kill, within } from './processes.ts';

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

/**
 * A job that is PREPARING and cannot write down what it has found: somebody holds the lock of that document, which an
 * attempt over another upload is made to have left.
 */
export async function whilePreparing(drill: Drill): Promise<Reached> {
  const key = 'drill';
  await drill.service.url();
  const jobId = randomIds.derivedJobId(`key:${key}`);
  const keys = new FileStoreKeys(drill.seenByService('objects'));
  const left: JobCases = {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    inputKey: 'another',
    kind: 'ct',
    sha256: '',
    bytes: 0,
    cases: [],
    ignored: [],
    ignoredCount: 0,
  };
  const path = keys.pathOf(jobCasesKey(jobId));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(left));
  const release = await acquireProcessLock(keys.lockOf(jobCasesKey(jobId)));
  await drill.send(await ctOf(SEED), { key });
  await within(20, 'it is prepared', async () => (await drill.service.job(jobId)).state === 'PREPARING');
  return { jobId, release };
}

async function inEngine(drill: Drill): Promise<Reached> {
  drill.engineDoes('held');
  const { jobId } = await drill.send(await ctOf(SEED));
  await drill.held('engine');
  return { jobId, release: async () => drill.engineDoes('ok') };
}

/** A job whose worker has stopped after this line of its log. */
export async function inStage(drill: Drill, line: string): Promise<Reached> {
  drill.stopAt('worker', line);
  const { jobId } = await drill.send(await ctOf(SEED));
  const pid = await drill.held('worker');
  return { jobId, release: async () => kill(pid, 'SIGCONT') };
}
