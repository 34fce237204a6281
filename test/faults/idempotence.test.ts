import '../lambdas/deployed-environment.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { caseIdOf, jobPlanKey, type JobId } from '../../core/layout.ts';
import { resumeJobs } from '../../core/use-cases/resume-jobs.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { create as failFunction } from '../../lambdas/fail-job.ts';
import { create as prepareFunction } from '../../lambdas/prepare-job.ts';
import { create as publishFunction } from '../../lambdas/publish-results.ts';
import { create as shardFailureFunction } from '../../lambdas/record-shard-failure.ts';
import { FakeBundler, serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, uploadOf } from '../fakes/stored-job.ts';
import { deadlyCall, faultyStore } from './faulty-store.ts';
import { Flow } from './flow.ts';
import { assertRight, submitted } from './store-cells.ts';

/** At which call of the store a process dies: counted from its start; before or after the call is carried out. */
interface Death {
  readonly call: number;
  readonly when: 'before' | 'after';
}

const death = fc.record({ call: fc.integer({ min: 1, max: 25 }), when: fc.constantFrom('before', 'after') });
/** For each step the deaths of the runs before the one that comes to its end, and whether it runs once more. */
const step = fc.record({ deaths: fc.array(death, { maxLength: 3 }), twice: fc.boolean() });
type Step = { readonly deaths: readonly Death[]; readonly twice: boolean };
const ALL_CALM: readonly Step[] = Array.from({ length: 5 }, () => ({ deaths: [], twice: false }));

/** Ports whose process dies as it is told. */
function mortal(fakes: ServiceFakes): { readonly ports: ServicePorts; dies: Death | null } {
  let [calls, dead] = [0, false];
  const state = { dies: null as Death | null, begin: () => ([calls, dead] = [0, false]) };
  const store = faultyStore(fakes.store, () => {
    if (dead) return deadlyCall('before');
    calls += 1;
    if (calls !== state.dies?.call) return null;
    dead = true;
    return deadlyCall(state.dies.when);
  });
  const bundler = new FakeBundler(store as ServiceFakes['store']);
  const ports = { ...fakes, store, bundler, index: new StoreJobIndex(store, fakes.clock) };
  return {
    ports,
    get dies() {
      return state.dies;
    },
    set dies(next) {
      state.begin();
      state.dies = next;
    },
  };
}

/** Everything that is stored after submit, prepare, a shard's failure and publish, each run as its step says. */
async function storedAfter(steps: readonly Step[], cases: number): Promise<ReadonlyMap<string, string>> {
  const fakes = serviceFakes();
  const process = mortal(fakes);
  const { ports } = process;
  const run = async (at: number, work: () => Promise<unknown>): Promise<void> => {
    const { deaths, twice } = steps[at]!;
    for (const one of deaths) {
      process.dies = one;
      await work().catch(() => undefined);
    }
    process.dies = null;
    await work();
    if (twice) await work();
  };
  const uploadId = await uploadOf(fakes);
  const submission = { target: 'batch', body: { uploadId }, idempotencyKey: 'k', ...LINKS } as const;
  await run(0, () => submitJob(ports, submission));
  const jobId: JobId = ports.ids.derivedJobId('key:k');
  const ordinals = Array.from({ length: cases }, (_, at) => at + 1);
  fakes.intake.finds(reportOf(ordinals.map((ordinal) => foundCase(jobId, ordinal))));
  await run(1, () => prepareFunction(ports)({ phase: 'prepare', jobId, attempt: 1 }));
  const [shard] = fakes.store.json(jobPlanKey(jobId, 1)) as readonly object[];
  for (const ordinal of ordinals.slice(1)) await storeResult(fakes, jobId, caseIdOf(ordinal));
  const failure = { Error: 'States.TaskFailed', Cause: '{"Container":{"ExitCode":137}}' };
  await run(2, () => shardFailureFunction(ports)({ shard, failure }));
  await run(3, () => publishFunction(ports)({ phase: 'publish', jobId, attempt: 1 }));
  await run(4, () => failFunction(ports)({ jobId, attempt: 1, failure: { Error: 'States.Timeout' } }));
  // Entries of the index that a death has left go when somebody lists the jobs a while later.
  fakes.time.now += 86_400_000;
  await resumeJobs(ports);
  return new Map(
    fakes.store.keys().map((key) => [key, new TextDecoder().decode(fakes.store.objects.get(key)!.body)]),
  );
}

describe('functions that die at any call of the store, and are run again', () => {
  it('store the same as those that ran once, whatever they died at', async () => {
    const calm = new Map<number, ReadonlyMap<string, string>>();
    for (const cases of [1, 2, 3]) calm.set(cases, await storedAfter(ALL_CALM, cases));

    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 5 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, cases) => {
          expect(Object.fromEntries(await storedAfter(steps, cases))).toEqual(
            Object.fromEntries(calm.get(cases)!),
          );
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a worker that dies at any call of the store', () => {
  it('is followed by one that ends the job with the right result', async () => {
    await fc.assert(
      fc.asyncProperty(death, async ({ call, when }) => {
        let [calls, dead, starts] = [0, false, 0];
        const flow = new Flow({
          store: (column) => {
            if (column === 'upload' || column === 'prepare' || starts !== 1) return null;
            if (dead) return deadlyCall('before');
            calls += 1;
            if (calls !== call) return null;
            dead = true;
            return deadlyCall(when);
          },
          worker: async (run) => {
            starts += 1;
            const exitCode = await run();
            // As of a spot machine that is gone at once.
            return dead && starts === 1 ? 75 : exitCode;
          },
        });
        try {
          const job = await flow.ended(await submitted(flow));
          expect(job.state).toBe('SUCCEEDED');
          await assertRight(flow, job);
        } finally {
          await flow.close();
        }
      }),
      { numRuns: 2 },
    );
  });
});
