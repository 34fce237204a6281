import { caseUsd, type CaseAssumptions } from '../../core/costs.ts';
import { GPU_VCPUS, PRICE_BASIS, SERVICE_USD } from '../../core/prices.ts';
import { DEFAULT_LIMITS } from '../../core/use-cases/service-ports.ts';
import { table } from '../../scripts/reference/markdown.ts';
import type { PhaseCost, ScaleFigures } from './scale-run.ts';

/** One recorded run of `npm run bench:scale`: a smaller and a larger batch. */
export interface StoreRecord {
  readonly machine: string;
  readonly runs: readonly ScaleFigures[];
}

/** docs/scale.json: the last run over each store. */
export interface ScaleRecord {
  readonly file?: StoreRecord;
  readonly s3?: StoreRecord;
}

const DAY_SECONDS = 86_400;
/** Share of a day that machines work: cold starts, interruptions of spot machines, uneven arrival. */
const USED_SHARE = 0.8;
/** Largest batch: the most that a deployment may be told to take (`maxCasesPerJob`). */
const LARGEST_BATCH = 10_000;

/** As docs/reference/costs.md assumes; no time was measured on a GPU of AWS. */
const ASSUMED: CaseAssumptions = {
  caseSeconds: 120,
  coldStartSeconds: 360,
  warmTailSeconds: 600,
  storedGb: 0.6,
  retentionDays: 30,
  egressGb: 0.02,
  logGb: 0.001,
};

/** Quotas of an account, as they are unless they were raised; per second, or as a count. */
const QUOTAS = {
  /** G and VT vCPUs of a new account, on demand and spot alike. */
  gpuVcpus: 0,
  submitsPerSecond: 50,
  /** Stage throttle of our API, requests a second. */
  apiPerSecond: 20,
  /** Writes of S3 to one prefix, a second. */
  putsPerSecond: 3_500,
  /** State transitions of Standard workflows, a second (us-east-1, refill). */
  transitionsPerSecond: 5_000,
  /** Seconds of a function, and of it per case with S3 at 25 ms a request, 16 at once. */
  functionSeconds: 900,
} as const;

const S3_REQUEST_SECONDS = 0.025;
/** PrepareJob of a manifest: upload.json, head, mark, header. */
const PREPARE_REQUESTS = 5;
const AT_ONCE = 16;
const CASE_PUTS = 30;
const SHARD_TRANSITIONS = 4;
/** Calls of a client for a case of its own: upload, and its share of submission and polling. */
const CASE_CALLS = 3;

const DAYS: readonly number[] = [1_000, 10_000, 30_000, 100_000];

/** docs/scale.md: what was measured, and a model of up to 100,000 cases a day made of it. */
export function scalePage(record: ScaleRecord): string {
  return `${[
    '<!-- Written by `npm run bench:scale -- --record` from docs/scale.json; do not edit. -->',
    '# Scale',
    'What a batch costs beside its workers, measured, and what follows for an account of AWS, computed. Batches larger than an archive can hold are sent as a manifest: one upload a case, and a JSON document that names them (`POST /segment/batch`).',
    ...measured('Over a folder', record.file),
    ...measured('Over S3 (MiniStack on the same machine, whose time is not counted)', record.s3),
    ...(record.s3 === undefined ? [] : [S3_TEXT]),
    LIMITS_TEXT,
    '## Up to 100,000 cases a day',
    `Nothing of this was measured on AWS: ${ASSUMED.caseSeconds} s a case on a g4dn.xlarge (${GPU_VCPUS.xlarge} vCPUs; an assumption), machines at work ${100 * USED_SHARE} % of the day, batches of ${LARGEST_BATCH.toLocaleString('en')} cases at most, ${PRICE_BASIS.region}, ${PRICE_BASIS.date}, spot.`,
    capacityTable(),
    'Which quota bites first, as the share of it that is used (a new account has none of the first):',
    quotaTable(),
    `A batch of ${LARGEST_BATCH.toLocaleString('en')} cases on so many machines:`,
    batchTable(),
    conclusion(record),
  ].join('\n\n')}\n`;
}

const S3_TEXT =
  'Over S3 nearly all of it is the AWS SDK: four requests a case (upload, header, mark; result) at 0.4 ms of CPU each on a core of its own, about 0.9 ms on the busy machine above.';

const LIMITS_TEXT = `The rest of the limits of AWS is kept by the shape of the workflow, whatever the size: no payload holds more than keys and counts (the laptop refuses 256 KiB as AWS does, so the runs above would have failed); a shard is a child execution of its own with at most 11 tries, far below 25,000 events; the plan is read from S3 item by item; submissions beyond ${QUOTAS.submitsPerSecond} a second are refused by the double as Batch refuses them and come again with backoff.`;

function measured(title: string, record: StoreRecord | undefined): string[] {
  if (record === undefined) return [];
  const { machine, runs } = record;
  const row = (name: string, of: (figures: ScaleFigures) => string): string[] => [name, ...runs.map(of)];
  return [
    `## ${title}`,
    `${machine}. CPU seconds of our process (wall in brackets, on a machine that others used as well); workers are a process of their own and left out.`,
    table(
      ['', ...runs.map(({ cases }) => `${cases.toLocaleString('en')} cases`)],
      [
        row('shards', ({ shards }) => String(shards)),
        row('take in and plan', ({ prepare }) => costText(prepare)),
        row('workflow', ({ run }) => costText(run)),
        row('publish: outcomes, manifest, index', ({ publish }) => costText(publish)),
        row('pack the ZIP (by bytes, three small files a case here)', ({ zip }) => costText(zip)),
        row('one look at the status, running', ({ status }) => costText(status.running)),
        row('one look at the status, ended', ({ status }) => costText(status.ended)),
        row('ours, a case, without the ZIP', (figures) => `${ownMsOf(figures).toFixed(2)} ms`),
        row('submissions that were throttled', ({ batch }) => String(batch.throttled)),
        row('largest submission', ({ batch }) => `${batch.largestSpec} bytes`),
        row(
          'plan, and its largest item',
          ({ planBytes, largestItemBytes }) =>
            `${(planBytes / 1e6).toFixed(2)} MB, ${largestItemBytes} bytes`,
        ),
        row(
          'heap in use between two phases, at most',
          ({ heldBytes }) => `${(heldBytes / 1e6).toFixed(0)} MB`,
        ),
        row('peak memory, garbage included', ({ peakBytes }) => `${(peakBytes / 1e6).toFixed(0)} MB`),
      ],
    ),
  ];
}

const costText = ({ cpuSeconds, wallSeconds }: PhaseCost): string =>
  `${cpuSeconds.toFixed(2)} s (${wallSeconds.toFixed(1)} s)`;

/** Our own CPU milliseconds a case: plan, workflow, publishing, and a look at the status before and after the end. */
export function ownMsOf({ cases, prepare, run, publish, status }: ScaleFigures): number {
  const parts = [prepare, run, publish, status.running, status.ended];
  return (1000 * parts.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)) / cases;
}

const machinesFor = (casesADay: number): number =>
  Math.ceil((casesADay * ASSUMED.caseSeconds) / (DAY_SECONDS * USED_SHARE));

/** A day's cases come in batches as large as allowed. */
function usdACase(casesADay: number): number {
  const cases = Math.min(casesADay, LARGEST_BATCH);
  const slots = machinesFor(casesADay);
  const { shardCases } = DEFAULT_LIMITS;
  return caseUsd({ cases, shardCases, slots, machine: 'g4dn.xlarge', purchase: 'spot' }, ASSUMED);
}

function capacityTable(): string {
  return table(
    ['cases a day', 'machines', 'vCPUs', 'GPU hours a day', 'USD a case', 'USD a day', 'stored, TB'],
    DAYS.map((cases) => {
      const machines = machinesFor(cases);
      const usd = usdACase(cases);
      return [
        cases.toLocaleString('en'),
        machines,
        machines * GPU_VCPUS.xlarge,
        Math.round((cases * ASSUMED.caseSeconds) / 3600).toLocaleString('en'),
        `$${usd.toFixed(4)}`,
        `$${Math.round(usd * cases).toLocaleString('en')}`,
        ((cases * ASSUMED.storedGb * ASSUMED.retentionDays) / 1000).toFixed(1),
      ];
    }),
  );
}

/** Shares of the quotas that so many cases a day use, evenly over the day. */
function quotaShares(cases: number): Readonly<Record<string, string>> {
  const perSecond = cases / DAY_SECONDS;
  const shards = perSecond / DEFAULT_LIMITS.shardCases;
  const percent = (used: number, quota: number): string =>
    `${((100 * used) / quota).toFixed(used / quota < 0.1 ? 2 : 0)} %`;
  const prepare = (Math.min(cases, LARGEST_BATCH) * PREPARE_REQUESTS * S3_REQUEST_SECONDS) / AT_ONCE;
  return {
    'GPU vCPUs (new account: 0)': `${machinesFor(cases) * GPU_VCPUS.xlarge} to ask for`,
    'PrepareJob of the largest batch, 15 min': percent(prepare, QUOTAS.functionSeconds),
    'calls of our API, 20 a second': percent(perSecond * CASE_CALLS, QUOTAS.apiPerSecond),
    'SubmitJob, 50 a second': percent(shards, QUOTAS.submitsPerSecond),
    'writes of S3, 3,500 a second and prefix': percent(perSecond * CASE_PUTS, QUOTAS.putsPerSecond),
    'state transitions, 5,000 a second': percent(shards * SHARD_TRANSITIONS, QUOTAS.transitionsPerSecond),
  };
}

function quotaTable(): string {
  const shares = DAYS.map(quotaShares);
  return table(
    ['', ...DAYS.map((cases) => `${cases.toLocaleString('en')} a day`)],
    Object.keys(shares[0]!).map((name) => [name, ...shares.map((share) => share[name]!)]),
  );
}

function batchTable(): string {
  const shards = Math.ceil(LARGEST_BATCH / DEFAULT_LIMITS.shardCases);
  return table(
    ['machines', 'hours', 'USD'],
    [8, 32, 128, 512].map((slots) => {
      const { shardCases } = DEFAULT_LIMITS;
      const work = Math.ceil(shards / slots) * shardCases * ASSUMED.caseSeconds;
      const hours = (work + ASSUMED.coldStartSeconds) / 3600;
      const usd = caseUsd(
        { cases: LARGEST_BATCH, shardCases, slots, machine: 'g4dn.xlarge', purchase: 'spot' },
        ASSUMED,
      );
      return [slots, hours.toFixed(1), `$${Math.round(usd * LARGEST_BATCH).toLocaleString('en')}`];
    }),
  );
}

function conclusion({ file }: ScaleRecord): string {
  const most = DAYS.at(-1)!;
  const largest = file?.runs.at(-1);
  const own =
    largest === undefined
      ? ''
      : ` Our own part of 100,000 cases a day is ${((most * ownMsOf(largest)) / 60_000).toFixed(1)} minutes of one core.`;
  const transitions = (most / DEFAULT_LIMITS.shardCases) * SHARD_TRANSITIONS * SERVICE_USD.transition;
  return `The quota of GPU vCPUs bites first, long before any other: ${machinesFor(most) * GPU_VCPUS.xlarge} are needed for ${most.toLocaleString('en')} cases a day. Then uploads in a burst: at 20 calls a second the ${LARGEST_BATCH.toLocaleString('en')} uploads of a manifest take ${((LARGEST_BATCH * 2) / QUOTAS.apiPerSecond / 60).toFixed(0)} minutes to open and complete.${own} State transitions cost $${transitions.toFixed(2)} a day.`;
}
