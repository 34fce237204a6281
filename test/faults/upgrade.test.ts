import { describe, expect, it } from 'vitest';
import { asHpbError } from '../../core/errors.ts';
import {
  caseIdOf,
  caseResultKey,
  jobCasesKey,
  jobDocumentKey,
  jobManifestKey,
  jobPlanKey,
  jobRequestKey,
  LAYOUT_VERSION,
  shardKey,
  type JobId,
} from '../../core/layout.ts';
import { readJob } from '../../core/use-cases/read-job.ts';
import { Flow, type FlowFaults } from './flow.ts';
import { calmCases, LINKS, submitted } from './store-cells.ts';

const PREVIOUS = LAYOUT_VERSION - 1;
const JOB_KEYS = (jobId: JobId): readonly string[] => [
  jobDocumentKey(jobId),
  jobRequestKey(jobId),
  jobCasesKey(jobId),
  jobManifestKey(jobId),
  jobPlanKey(jobId, 1),
  shardKey(jobId, 1, 1),
  caseResultKey(jobId, caseIdOf(1)),
];

/** The document as the previous layout would have had it. */
function aged(flow: Flow, key: string): Promise<unknown> {
  const text = JSON.stringify(flow.stored.json(key));
  return flow.stored.put(
    key,
    text.replaceAll(`"layoutVersion":${LAYOUT_VERSION}`, `"layoutVersion":${PREVIOUS}`),
  );
}

describe('the version of the layout', () => {
  it('stands in every document of a job', async () => {
    const flow = new Flow({ replay: await calmCases() });
    const jobId = await submitted(flow);
    await flow.ended(jobId);

    const versions = JOB_KEYS(jobId).map((key) => {
      const document = flow.stored.json(key) as { layoutVersion: number } | { layoutVersion: number }[];
      return [key, [document].flat().map(({ layoutVersion }) => layoutVersion)];
    });
    const others = flow.stored
      .keys()
      .filter((key) => /^(uploads|executions)\/.*\.json$/.test(key))
      .map((key) => (flow.stored.json(key) as { layoutVersion: number }).layoutVersion);
    await flow.close();

    expect(versions).toEqual(JOB_KEYS(jobId).map((key) => [key, [LAYOUT_VERSION]]));
    expect(others.length).toBeGreaterThanOrEqual(2);
    expect(new Set(others)).toEqual(new Set([LAYOUT_VERSION]));
  });
});

/** Makes a document old just before the state that reads it. */
const before =
  (state: 'PrepareJob' | 'PublishResults' | 'worker', keyOf: (jobId: JobId) => string) =>
  (flow: () => Flow): FlowFaults => {
    const age = (): Promise<unknown> =>
      aged(flow(), keyOf(flow().stored.keys('jobs/')[0]!.split('/')[1] as JobId));
    if (state === 'worker') return { worker: async (run) => age().then(run) };
    return {
      functions: (functions) => ({
        [state]: async (payload: unknown, signal: AbortSignal) => {
          await age();
          return functions[state](payload, signal);
        },
      }),
    };
  };

describe('a job of which the previous layout has left', () => {
  it.each([
    ['the request', before('PrepareJob', jobRequestKey), 'DOCUMENT_UNREADABLE'],
    ['the cases', before('PublishResults', jobCasesKey), 'DOCUMENT_UNREADABLE'],
    ['the shard', before('worker', (jobId) => shardKey(jobId, 1, 1)), 'UNCLEAN_EXIT'],
    [
      'a result',
      before('PublishResults', (jobId) => caseResultKey(jobId, caseIdOf(1))),
      'DOCUMENT_UNREADABLE',
    ],
  ] as const)('%s is refused with a code', async (_, faults, code) => {
    const replay = code === 'UNCLEAN_EXIT' ? {} : { replay: await calmCases() };
    const flow: Flow = new Flow({ ...replay, ...faults(() => flow) });
    const { state, error } = await flow.ended(await submitted(flow));
    await flow.close();

    expect([state, error?.code]).toEqual(['FAILED', code]);
  });

  it('its own document is refused with a code when somebody asks for it', async () => {
    const flow = new Flow({ replay: await calmCases() });
    const jobId = await submitted(flow);
    await flow.ended(jobId);
    await aged(flow, jobDocumentKey(jobId));

    const { code } = (await readJob(flow.ports, jobId, LINKS).catch(asHpbError)) as { code?: string };
    await flow.close();

    expect(code).toBe('DOCUMENT_UNREADABLE');
  });
});
