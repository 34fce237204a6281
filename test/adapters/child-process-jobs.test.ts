import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ChildProcessJobs, type ChildProcessJobsOptions } from '../../adapters/child-process-jobs.ts';
import { JobLogs } from '../../adapters/job-logs.ts';
import { isWorkerRetried } from '../../core/worker-retry.ts';
import { stillRunning } from '../fixtures/processes.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { jobsContract, newSpec, reach } from './jobs.contract.ts';

const WORKER = fileURLToPath(new URL('../fixtures/bin/serving-worker.ts', import.meta.url));

interface Bench {
  readonly jobs: ChildProcessJobs;
  readonly folder: string;
  /** Log lines of all jobs whose name starts so. */
  readonly lines: (name: string) => Promise<Readonly<Record<string, unknown>>[]>;
}

function bench(changes: Partial<ChildProcessJobsOptions> = {}): Bench {
  const folder = tempFolder();
  const jobs = new ChildProcessJobs({
    worker: { command: process.execPath, args: [WORKER], environment: { PATH: '/usr/bin:/bin' } },
    slots: [{}],
    logFolder: join(folder, 'logs'),
    grace: { cancelMs: 300, timeoutMs: 300, closeMs: 300 },
    ...changes,
  });
  onTestFinished(() => jobs.close());
  const lines = async (name: string): Promise<Readonly<Record<string, unknown>>[]> =>
    (await jobs.logTail(name, 1000)).map((line) => JSON.parse(line) as Record<string, unknown>);
  return { jobs, folder, lines };
}

const run = async ({ jobs }: Bench, command: readonly string[], changes = {}) =>
  jobs.wait(await jobs.submit(newSpec(command, changes)));
/** Process ids of the workers that ran tasks. */
const workersOf = async ({ lines }: Bench): Promise<number[]> =>
  (await lines('hpb-')).filter(({ event }) => event === 'task').map(({ pid }) => pid as number);

/** Process ids of stubborn workers and their children. */
const pidsIn = async ({ lines }: Bench): Promise<number[]> =>
  (await lines('hpb-')).flatMap(({ pids }) => (pids as number[] | undefined) ?? []);

async function soon(holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 60_000; !(await holds()); await sleep(10))
    if (Date.now() > until) throw new Error('It did not come to that.');
}

jobsContract('child processes', async () => ({
  jobs: bench({ grace: { cancelMs: 3_000, timeoutMs: 300, closeMs: 300 } }).jobs,
  good: ['print', '5'],
  bad: ['exit', '2'],
  endless: ['hang'],
}));

describe('the worker of a slot', () => {
  it('stays from job to job, also over a cancelled and a failed one', async () => {
    const place = bench({ grace: { cancelMs: 60_000 } });

    await run(place, ['print', '1']);
    const ref = await place.jobs.submit(newSpec(['hang']));
    await reach(place.jobs, ref, ['RUNNING']);
    await place.jobs.terminate(ref, 'the caller said so');
    await run(place, ['exit', '2']);

    expect(await place.jobs.describe(ref)).toMatchObject({
      status: 'FAILED',
      reason: 'Terminated: the caller said so',
    });
    const workers = await workersOf(place);
    expect({ tasks: workers.length, processes: new Set(workers).size }).toEqual({ tasks: 3, processes: 1 });
  });

  it('that does not obey is killed with what it has started, and replaced', async () => {
    const place = bench();
    const ref = await place.jobs.submit(newSpec(['stubborn']));
    await soon(async () => (await pidsIn(place)).length > 0);
    const pids = await pidsIn(place);

    await place.jobs.terminate(ref, 'the caller said so');

    expect(await stillRunning(pids)).toEqual([]);
    expect(await run(place, ['exit', '0'])).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('that dies fails its job with the code of its signal, and is replaced', async () => {
    const place = bench();

    expect(await run(place, ['die', 'SIGKILL'])).toMatchObject({
      status: 'FAILED',
      exitCode: 137,
      attempts: 1,
    });
    expect(await run(place, ['exit', '0'])).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('that cannot be started fails its job and says so in the log', async () => {
    const place = bench({
      worker: { command: '/nowhere/node', args: [], environment: {} },
    });

    expect(await run(place, ['exit', '0'])).toMatchObject({ status: 'FAILED' });
    expect(await place.jobs.logTail('hpb-', 1)).toEqual(['The worker could not be started: ENOENT']);
  });

  it('leaves no log when its logs are removed, and those of others stay', async () => {
    const place = bench();
    await run(place, ['exit', '0'], { name: 'hpb-one-a1-s0001' });
    await run(place, ['exit', '0'], { name: 'hpb-other-a1-s0001' });

    await place.jobs.removeLogs('hpb-one-a');

    expect(await place.jobs.logTail('hpb-one-a', 9)).toEqual([]);
    expect(await place.jobs.logTail('hpb-other-a', 9)).not.toEqual([]);
  });

  it('gets the GPU of its slot, and CPU jobs one without', async () => {
    const place = bench({ slots: [{ CUDA_VISIBLE_DEVICES: '0' }, { CUDA_VISIBLE_DEVICES: '1' }] });
    const gate = join(place.folder, 'gate');

    const refs = await Promise.all([
      place.jobs.submit(newSpec(['wait', gate])),
      place.jobs.submit(newSpec(['wait', gate])),
      place.jobs.submit(newSpec(['wait', gate], { gpu: false })),
    ]);
    await soon(async () => (await workersOf(place)).length >= 3);
    writeFileSync(gate, '');
    await Promise.all(refs.map((ref) => place.jobs.wait(ref)));

    const gpus = (await place.lines('hpb-')).filter(({ event }) => event === 'task').map(({ gpu }) => gpu);
    expect(gpus.map(String).sort()).toEqual(['0', '1', 'null']);
  });
});

describe('an attempt', () => {
  it.each([75, 76])('that ends with %i is followed by another', async (code) => {
    const place = bench();
    const file = join(place.folder, 'failures');

    const facts = await run(place, ['fail-times', file, '2', String(code)]);

    expect(facts).toMatchObject({ status: 'SUCCEEDED', attempts: 3, exitCode: 0 });
  });

  it('is the last after three', async () => {
    const place = bench();

    expect(await run(place, ['exit', '75'])).toMatchObject({ status: 'FAILED', attempts: 3, exitCode: 75 });
  });

  it('that takes too long is ended, children included, and not repeated', async () => {
    const place = bench();

    const facts = await run(place, ['stubborn'], { timeoutSeconds: 2 });

    expect(facts).toMatchObject({
      status: 'FAILED',
      attempts: 1,
      reason: 'Job attempt duration exceeded timeout',
    });
    const pids = await pidsIn(place);
    expect(await stillRunning(pids)).toEqual([]);
  });

  it('is worth repeating as Batch is told', () => {
    expect(isWorkerRetried({ exitCode: 1 })).toBe(false);
    expect(isWorkerRetried({ exitCode: 137, reason: 'OutOfMemoryError: Container killed' })).toBe(false);
    expect(isWorkerRetried({ exitCode: null, reason: 'CannotPullContainerError: no' })).toBe(true);
    expect(isWorkerRetried({ exitCode: 1, statusReason: 'Host EC2 (instance i-1) terminated.' })).toBe(true);
  });
});

describe('the queue', () => {
  it('runs interactive jobs before bulk ones, else in order, and tells the position', async () => {
    const place = bench();
    const gate = join(place.folder, 'gate');
    const order: string[] = [];
    const submit = async (name: string, priority: 0 | 1, command = ['exit', '0']): Promise<void> => {
      const ref = await place.jobs.submit(newSpec(command, { name, priority }));
      void place.jobs.wait(ref).then(() => order.push(name));
    };

    await submit('first', 1, ['wait', gate]);
    await submit('bulk-1', 1);
    await submit('bulk-2', 1);
    await submit('now-1', 0);
    await submit('now-2', 0);
    const positions = await Promise.all(
      ['first', 'now', 'now-2', 'bulk', 'bulk-2'].map((name) => place.jobs.queuePosition(name)),
    );
    writeFileSync(gate, '');
    await soon(async () => order.length === 5);

    expect(positions).toEqual([null, 0, 1, 2, 3]);
    expect(order).toEqual(['first', 'now-1', 'now-2', 'bulk-1', 'bulk-2']);
  });

  it('lets a waiting job go without a worker', async () => {
    const place = bench();
    const running = await place.jobs.submit(newSpec(['hang']));
    const waiting = await place.jobs.submit(newSpec(['hang']));

    await place.jobs.terminate(waiting, 'not wanted');

    expect(await place.jobs.describe(waiting)).toMatchObject({ status: 'FAILED', attempts: 0 });
    expect(await place.jobs.describe(running)).toMatchObject({ status: 'RUNNING' });
  });

  it('ends with all workers when the service closes', async () => {
    const place = bench();
    const ref = await place.jobs.submit(newSpec(['hang']));
    await soon(async () => (await workersOf(place)).length >= 1);

    await place.jobs.close();

    expect(await place.jobs.describe(ref)).toMatchObject({ status: 'FAILED' });
    expect(await stillRunning(await workersOf(place))).toEqual([]);
    await expect(place.jobs.submit(newSpec(['exit', '0']))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('refuses a name that could be a path', async () => {
    await expect(bench().jobs.submit(newSpec([], { name: '../x' }))).rejects.toMatchObject({
      code: 'BAD_OPTION',
    });
  });
});

describe('logs of jobs', () => {
  it('are as if there were none when somebody clears their folder away, and are written again', () => {
    const folder = join(tempFolder(), 'logs');
    const logs = new JobLogs(folder);
    logs.append('job', 'before');
    rmSync(folder, { recursive: true });

    expect(logs.tail('job', 9)).toEqual([]);
    logs.remove('job');
    for (const line of ['lost', 'after']) logs.append('job', line);

    expect(logs.tail('job', 9)).toEqual(['after']);
  });

  it('keep the end of a long one within bounds', () => {
    const folder = join(tempFolder(), 'logs');
    const logs = new JobLogs(folder, 1000);

    for (let at = 0; at < 1000; at++) logs.append('job', `line ${at}`);

    expect(logs.tail('job', 3)).toEqual(['line 997', 'line 998', 'line 999']);
    expect(logs.tail('job', 1000).length).toBeGreaterThan(90);
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
    expect(sizes).toHaveLength(2);
  });

  it('are joined over the jobs of a name, the latest last', () => {
    const folder = join(tempFolder(), 'logs');
    const logs = new JobLogs(folder);

    logs.append('job-1', 'one');
    logs.append('job-2', 'two');

    expect(existsSync(logs.pathOf('job-1'))).toBe(true);
    expect([...logs.tail('job', 10)].sort()).toEqual(['one', 'two']);
    expect(readFileSync(logs.pathOf('job-2'), 'utf8')).toBe('two\n');
    expect(logs.tail('other', 10)).toEqual([]);
  });
});
