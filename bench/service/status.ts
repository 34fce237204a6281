/**
 * `GET /jobs/{id}` and `GET /jobs?limit=20` in process over the store on disk, with 1,000 finished jobs stored: 50 of
 * them batches of 20 cases, the others single CTs; the jobs that are asked for are spread over all.
 *
 * npm run bench:service-status -- [--jobs 1000] [--requests 400]
 *
 * Exit code 1 when the median of `GET /jobs/{id}` is above 5 ms.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { createHttpApp } from '../../adapters/http-app/app.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { HpbError } from '../../core/errors.ts';
import { jobDocument, type JobDocument } from '../../core/job.ts';
import { caseIdOf, caseInputKey, jobCasesKey, jobManifestKey, type JobId } from '../../core/layout.ts';
import { mapLimited } from '../../core/map-limited.ts';
import { segmentOptions } from '../../core/shard.ts';
import type { JobCases } from '../../core/use-cases/job-cases.ts';
import { serviceFakes } from '../../test/fakes/service-fakes.ts';
import { machineFacts, median } from '../figures.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_MS = 5;
const BATCH_EVERY = 20;
const BATCH_CASES = 20;
const BEGAN = Date.UTC(2026, 0, 1);

const idOf = (ordinal: number): JobId => `bench-job-${String(ordinal).padStart(6, '0')}` as JobId;

function finishedJob(ordinal: number, cases: number): JobDocument {
  const at = BEGAN + ordinal * 1000;
  return jobDocument.parse({
    layoutVersion: 1,
    jobId: idOf(ordinal),
    state: 'SUCCEEDED',
    attempt: 1,
    batch: cases > 1,
    models: ['liver', 'task008'],
    options: segmentOptions.parse({}),
    createdAt: at,
    updatedAt: at + 500,
    endedAt: at + 500,
    deadlineAt: at + 10_000,
    counts: { total: cases, succeeded: cases, failed: 0 },
    error: null,
    attempts: [{ attempt: 1, startedAt: at, endedAt: at + 500, state: 'SUCCEEDED', code: null }],
    zip: null,
  });
}

/** Stores what a finished job leaves behind that its status is read from. */
async function storeJob(store: FileObjectStore, index: StoreJobIndex, ordinal: number): Promise<void> {
  const ids = Array.from({ length: ordinal % BATCH_EVERY === 0 ? BATCH_CASES : 1 }, (_, at) =>
    caseIdOf(at + 1),
  );
  const jobId = idOf(ordinal);
  const grid = {
    dims: [64, 64, 40] as [number, number, number],
    affine: Array.from({ length: 16 }, () => 1),
  };
  const found: JobCases = {
    layoutVersion: 1,
    jobId,
    inputKey: `uploads/bench-${ordinal}/input`,
    kind: ids.length > 1 ? 'archive' : 'ct',
    sha256: 'a'.repeat(64),
    bytes: 1000,
    cases: ids.map((caseId) => ({
      caseId,
      name: `case ${caseId}`,
      key: caseInputKey(jobId, caseId),
      bytes: 1000,
      grid,
      error: null,
    })),
    ignored: [],
    ignoredCount: 0,
  };
  await store.put(jobCasesKey(jobId), JSON.stringify(found));
  const cases = found.cases.map(({ caseId, name, bytes }) => ({
    caseId,
    name,
    bytes,
    outcome: 'succeeded',
    error: null,
    demo: true,
    seconds: 1,
  }));
  const { sha256: inputSha256 } = found;
  const manifest = {
    layoutVersion: 1,
    jobId,
    attempt: 1,
    state: 'SUCCEEDED',
    error: null,
    inputSha256,
    cases,
  };
  await store.put(jobManifestKey(jobId), JSON.stringify(manifest));
  await index.create(finishedJob(ordinal, ids.length));
}

/** Milliseconds of each request, one after the other. */
async function timed(count: number, ask: (at: number) => Promise<Response>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const start = performance.now();
    const answer = await ask(at);
    await answer.text();
    times.push(performance.now() - start);
    if (!answer.ok)
      throw new HpbError('UNEXPECTED', `The API answered ${answer.status}.`, {
        remedy: 'Look at what this benchmark stores.',
      });
  }
  return times;
}

function report(name: string, times: readonly number[], target = ''): void {
  const p95 = times.toSorted((a, b) => a - b)[Math.floor(0.95 * times.length)]!;
  stdout.write(`${name}: p50 ${median(times).toFixed(2)} ms${target}, p95 ${p95.toFixed(2)} ms\n`);
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    jobs: { type: 'string', default: '1000' },
    requests: { type: 'string', default: '400' },
  });
  const [jobs, requests] = [Number(values.jobs), Number(values.requests)];
  const root = await mkdtemp(join(tmpdir(), 'hpb-status-'));
  try {
    const store = new FileObjectStore(root);
    const clock = { now: () => Date.now(), seconds: () => performance.now() / 1000 };
    const index = new StoreJobIndex(store, clock);
    const ordinals = Array.from({ length: jobs }, (_, at) => at + 1);
    await mapLimited(ordinals, 16, (ordinal) => storeJob(store, index, ordinal));
    const app = createHttpApp(
      { ...serviceFakes(), store, clock, index },
      {
        version: async () => ({ service: '1', node: '1', engines: {}, models: [] }),
        readiness: async () => ({ ready: true, checks: {}, errors: [] }),
        loadForms: null,
        serverSentEvents: false,
        baseUrl: () => 'http://bench',
      },
    );
    // Coprime to the count of jobs: every request asks for another one.
    const one = async (at: number): Promise<Response> => app.request(`/jobs/${idOf(((at * 37) % jobs) + 1)}`);
    const list = async (): Promise<Response> => app.request('/jobs?limit=20');
    await timed(50, one);
    await timed(20, list);
    stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}, ${jobs} jobs stored\n`);
    const times = await timed(requests, one);
    report('GET /jobs/{id}', times, ` (target <= ${MOST_MS})`);
    report('GET /jobs?limit=20', await timed(Math.ceil(requests / 4), list));
    process.exitCode = median(times) <= MOST_MS ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await main();
