/**
 * A soak: many jobs in one service, and random faults among them, the same for the same seed. Judged from outside only,
 * by the API and what is left of the folder: no job lost or stuck, none twice, no wrong result, nothing left behind.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomIds } from '../../adapters/random-ids.ts';
import { isFinal } from '../../core/job.ts';
import type { JobAnswer } from '../../core/requests.ts';
import { ctOf, Drill, phantomCt } from './drill.ts';
import { expectedMask } from './process-cell.ts';
import { kill, within } from './processes.ts';
import { ROOT } from '../fixtures/hpb-command.ts';

const HELP = `npm run soak -- [--jobs 200] [--seed 1] [--engines double|real] [--bound 900]

Exit code 1 when an invariant does not hold. --bound: the last job has ended so many seconds after the last fault.
`;
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    engines: { type: 'string', default: 'double' },
    bound: { type: 'string', default: '900' },
    help: { type: 'boolean', default: false },
  },
});
const isReal = values.engines === 'real';

/** Numbers from 0 to below 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = randomOf(Number(values.seed));
const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;

type Strike = (drill: Drill, jobs: readonly string[]) => Promise<unknown>;

const signal =
  (kind: 'worker' | 'engine', name: NodeJS.Signals): Strike =>
  async (drill) => {
    for (const pid of drill.processes(kind)) kill(pid, name);
  };
const server =
  (name: NodeJS.Signals): Strike =>
  async (drill) => {
    await drill.service.stop(name);
    await drill.restart();
  };
const cancel: Strike = async (drill, jobs) =>
  drill.service.fetch(`/jobs/${oneOf(jobs)}`, { method: 'DELETE' });
/** The double does this for a moment. */
const behaves =
  (behaviour: string): Strike =>
  async (drill) => {
    drill.engineDoes(behaviour);
    await sleep(400);
    drill.engineDoes('ok');
  };

const ANYWHERE: Readonly<Record<string, Strike>> = {
  'server SIGKILL': server('SIGKILL'),
  'server SIGTERM': server('SIGTERM'),
  'worker SIGKILL': signal('worker', 'SIGKILL'),
  'worker SIGTERM': signal('worker', 'SIGTERM'),
  'engine SIGKILL': signal('engine', 'SIGKILL'),
  'engine SIGTERM': signal('engine', 'SIGTERM'),
  cancel,
};
const OF_THE_DOUBLE: Readonly<Record<string, Strike>> = {
  'engine SIGSTOP': signal('engine', 'SIGSTOP'),
  'engine dies': behaves('dies'),
  'mask reshaped': behaves('reshaped'),
  'no mask': behaves('no-mask'),
  'engine prints': behaves('prints'),
};
const STRIKES = Object.entries({ ...ANYWHERE, ...(isReal ? {} : OF_THE_DOUBLE) });

/** Sends a job as the command does: the same again until the service has taken it. */
async function sent(drill: Drill, ct: Buffer, key: string): Promise<string> {
  const jobId = randomIds.derivedJobId(`key:${key}`);
  await within(120, `${key} is taken`, async () => {
    await drill.send(ct, { key }).catch(() => undefined);
    return (await drill.service.fetch(`/jobs/${jobId}`).catch(() => null))?.ok === true;
  });
  return jobId;
}

interface Tally {
  readonly states: Record<string, number>;
  readonly codes: Record<string, number>;
  readonly strikes: Record<string, number>;
  readonly wrong: string[];
  readonly stuck: string[];
}

const count = (of: Record<string, number>, name: string): void => {
  of[name] = (of[name] ?? 0) + 1;
};

/** What became of a job, its retry included where it has failed. */
async function judge(drill: Drill, jobId: string, tally: Tally, mask: string): Promise<void> {
  const job = await drill.ended(jobId, Number(values.bound)).catch(() => null);
  if (job === null) return void tally.stuck.push(jobId);
  count(tally.states, job.state);
  if (job.state !== 'SUCCEEDED') {
    if (job.error === null) tally.wrong.push(`${jobId} ended ${job.state} without a code`);
    count(tally.codes, job.error?.code ?? 'none');
    await drill.post(`/jobs/${jobId}/retry`);
    const again = await drill.ended(jobId, Number(values.bound)).catch(() => null);
    if (again?.state !== 'SUCCEEDED')
      return void tally.stuck.push(`${jobId} after its retry: ${again?.state}`);
  }
  if ((await drill.maskOf(jobId)) !== mask) tally.wrong.push(`${jobId}: another mask`);
}

async function soak(): Promise<boolean> {
  const environment = isReal
    ? { HPB_VENV: join(ROOT, '.venv') }
    : { HPB_MODEL_TIMEOUT_SECONDS: '2', HPB_MAX_CONCURRENCY: '1' };
  const drill = new Drill({ environment });
  const tally: Tally = { states: {}, codes: {}, strikes: {}, wrong: [], stuck: [] };
  try {
    const [jobs, ct] = [Number(values.jobs), isReal ? await phantomCt() : await ctOf(1)];
    await drill.service.url();
    const calm = await sent(drill, ct, 'calm');
    await drill.ended(calm, 600);
    const mask = isReal ? (await drill.maskOf(calm))! : await expectedMask();
    const sentJobs: string[] = [];
    for (let at = 0; at < jobs; at += 1) {
      sentJobs.push(await sent(drill, isReal ? ct : await ctOf(at + 2), `soak-${at}`));
      await sleep(random() * (isReal ? 8000 : 400));
      if (random() > (isReal ? 0.5 : 0.35)) continue;
      const [name, strike] = oneOf(STRIKES);
      count(tally.strikes, name);
      await strike(drill, sentJobs);
    }
    drill.engineDoes('ok');
    for (const jobId of sentJobs) await judge(drill, jobId, tally, mask);
    const known = await everyJob(drill);
    const lost = sentJobs.filter((jobId) => !known.has(jobId));
    const more = known.size - new Set([...sentJobs, calm]).size;
    const left = await drill.leftovers();
    console.log(
      JSON.stringify({ jobs, seed: values.seed, engines: values.engines, ...tally, lost, more, left }),
    );
    return [tally.wrong, tally.stuck, lost, left].every(({ length }) => length === 0) && more === 0;
  } finally {
    await drill.close();
  }
}

async function everyJob(drill: Drill): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let after = '';
  do {
    const answer = await drill.service.fetch(`/jobs?limit=100${after}`);
    const page = (await answer.json()) as {
      readonly jobs: readonly JobAnswer[];
      readonly next: string | null;
    };
    for (const { jobId, state } of page.jobs) if (isFinal(state)) found.add(jobId);
    after = page.next === null ? '' : `&after=${page.next}`;
  } while (after !== '');
  return found;
}

if (values.help) console.log(HELP);
else if (!(await soak())) process.exitCode = 1;
