import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMetricsCommand, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import {
  caseIdOf,
  caseResultKey,
  caseZipKey,
  jobManifestKey,
  jobZipKey,
  workerNamePrefix,
} from '../../core/layout.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { weightSet } from '../../core/models/weights.ts';
import { caseResult } from '../../core/shard.ts';
import type { RehearsedJob } from './batch-run.ts';
import { MARK } from './batch-run.ts';
import { STAGE, type Deployment } from './deployment.ts';

/** One line of the table. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
}

/** Metrics that a worker and the workflow must have put. */
const EXPECTED_METRICS =
  'CasesEnded StageSeconds EngineSeconds ModelLoadSeconds ColdStartSeconds WeightsSeconds QueueSeconds ' +
  'EstimatedCostUsd JobsFinished CasesSucceeded';
/** Documents that may hold the caller's names. */
const MAY_HOLD_NAMES =
  /\/(request|cases|upload|meta|manifest)\.json$|\/report\.html$|\/results\.zip$|\/input(\.nii\.gz)?$/;
const LOG_LINES = 10_000;

/** What is to be true when the batch is over. */
export async function checkBatch(
  deployment: Deployment,
  run: RehearsedJob,
  containersLog: string,
): Promise<readonly Finding[]> {
  const { job } = run;
  const log = await deployment.jobs.logTail(workerNamePrefix(job.jobId), LOG_LINES);
  return [
    outcome(run),
    await caseOutcomes(deployment, run),
    await zips(deployment, run),
    weightsKept(deployment),
    await metrics(deployment.cloudWatch),
    workers(log),
    await readOnlyRoots(containersLog),
    namesInLogs(log, run),
    await namesInStore(deployment),
  ];
}

function outcome({ job, seconds }: RehearsedJob): Finding {
  const { state, counts } = job;
  const ok = state === 'PARTIAL' && counts?.total === 3 && counts.succeeded === 2;
  const found = `${state}, ${counts?.succeeded} of ${counts?.total} cases, ${seconds.toFixed(0)} s`;
  return { what: 'a batch of three, one broken, ends PARTIAL', ok, found };
}

async function caseOutcomes({ store }: Deployment, { job }: RehearsedJob): Promise<Finding> {
  const manifest = JSON.parse(new TextDecoder().decode(await store.get(jobManifestKey(job.jobId)))) as {
    readonly cases: readonly { readonly error?: { readonly code: string } | null }[];
  };
  const codes = manifest.cases.map(({ error }) => error?.code ?? 'ok');
  const demo: boolean[] = [];
  for (const ordinal of [1, 2]) {
    const bytes = await store.get(caseResultKey(job.jobId, caseIdOf(ordinal)));
    demo.push(caseResult.parse(JSON.parse(new TextDecoder().decode(bytes))).demo);
  }
  const ok = codes.filter((code) => code === 'ok').length === 2 && demo.every(Boolean);
  return { what: 'cases have their codes; results say DEMO', ok, found: codes.join(', ') };
}

async function zips({ store }: Deployment, { job }: RehearsedJob): Promise<Finding> {
  const keys = [jobZipKey(job.jobId), ...[1, 2].map((at) => caseZipKey(job.jobId, caseIdOf(at)))];
  const facts = await Promise.all(keys.map((key) => store.head(key)));
  const found = facts
    .map((one) => (one === null ? 'missing' : `${(one.bytes / 1e3).toFixed(0)} kB`))
    .join(', ');
  return {
    what: 'the ZIP of the job and of each case lie in S3',
    ok: facts.every((one) => one !== null),
    found,
  };
}

function weightsKept({ modelsFolder }: Deployment): Finding {
  const { folder, trainer } = weightSet('ts297');
  const marker = join(modelsFolder, 'demo', 'totalseg', folder, trainer, '.complete');
  const ok = existsSync(marker);
  return {
    what: 'weights of the bucket are kept on the machine',
    ok,
    found: ok ? 'marker there' : 'no marker',
  };
}

async function metrics(client: CloudWatchClient): Promise<Finding> {
  const { Metrics = [] } = await client.send(new ListMetricsCommand({ Namespace: metricNamespace(STAGE) }));
  const names = new Set(Metrics.map(({ MetricName }) => MetricName));
  const lacking = EXPECTED_METRICS.split(' ').filter((name) => !names.has(name));
  const marked = JSON.stringify(Metrics).includes(MARK);
  return {
    what: 'figures are in CloudWatch, without names',
    ok: lacking.length === 0 && !marked,
    found:
      lacking.length === 0
        ? `${names.size} metrics, ${Metrics.length} series`
        : `lacking ${lacking.join(', ')}`,
  };
}

function workers(log: readonly string[]): Finding {
  const count = (event: string): number => log.filter((line) => line.includes(`"event":"${event}"`)).length;
  const [cases, fetched] = [count('case:succeeded'), count('weights:fetched')];
  return {
    what: 'workers ran in containers and logged to CloudWatch Logs',
    ok: cases === 2 && fetched > 0,
    found: `${log.length} lines, ${cases} cases, ${fetched} sets fetched`,
  };
}

/** `containersLog`: what scripts/rehearse/read_only_runc.py has written. */
async function readOnlyRoots(containersLog: string): Promise<Finding> {
  const jobs = (await readFile(containersLog, 'utf8')).split('\n').filter((line) => line.includes(' 10001 '));
  const asked = jobs.filter((line) => line.includes('AWS_BATCH_JOB_ID'));
  return {
    what: 'jobs of Batch ran as 10001 on roots that cannot be written',
    // It unpacks, runs two shards and puts the result together.
    ok: asked.length === 4,
    found: `${asked.length} containers`,
  };
}

function namesInLogs(log: readonly string[], { functionLog }: RehearsedJob): Finding {
  const lines = [...log, ...functionLog.split('\n')].filter((line) => line.includes(MARK));
  return {
    what: "no log line holds the caller's names",
    ok: log.length > 0 && functionLog !== '' && lines.length === 0,
    found: lines.length === 0 ? 'none' : `${lines.length} lines`,
  };
}

async function namesInStore({ store }: Deployment): Promise<Finding> {
  const objects = await store.list('');
  const inKeys = objects.filter(({ key }) => key.includes(MARK));
  const inBodies: string[] = [];
  for (const { key } of objects) {
    if (MAY_HOLD_NAMES.test(key)) continue;
    if (Buffer.from(await store.get(key)).includes(MARK)) inBodies.push(key);
  }
  return {
    what: 'no key, and no document but those for the caller, holds them',
    ok: objects.length > 0 && inKeys.length === 0 && inBodies.length === 0,
    found: `${objects.length} objects, ${inKeys.length} keys, ${inBodies.join(' ') || 'no document'}`,
  };
}
