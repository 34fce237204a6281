import { expect, it } from 'vitest';
import { caseFileKey, caseIdOf } from '../../../core/layout.ts';
import type { CaseSummary } from '../../../core/results/case-summary.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

const SUMMARY: CaseSummary = {
  meta: { liver_seconds: 7 },
  measures: {
    quality: { verdict: 'review', reasons: [{ code: 'LIVER_CUT' }] },
    hpb: {
      liverVolumeMl: 1500.5,
      liverVolumeWithoutTumoursMl: 1400,
      tumourVolumeMl: 100.5,
      tumourBurdenPercent: 6.7,
      lesionCount: 2,
      lesionsTouchingVessel: 1,
      vesselVolumeInLiverMl: 12.25,
    },
  },
};

/** Text of a member of the only ZIP that was made. */
function textIn({ bundler }: ServiceFakes, name: string): string {
  const [{ members }] = bundler.bundled as [(typeof bundler.bundled)[number]];
  const { source } = members.find((member) => member.name === name)!;
  return 'text' in source ? source.text : '';
}

it('describes a batch by what result.json says of its cases; of older results it reads the documents', async () => {
  const ports = serviceFakes();
  const jobId = await submittedJob(ports, { target: 'batch' });
  ports.intake.finds(reportOf([foundCase(jobId, 1), foundCase(jobId, 2)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await storeResult(ports, jobId, caseIdOf(1), { summary: SUMMARY });
  await storeResult(ports, jobId, caseIdOf(2));
  await ports.store.put(caseFileKey(jobId, caseIdOf(1), 'meta.json'), 'not to be read');

  await publishResults(ports, { phase: 'publish', jobId, attempt: 1 });

  const manifest = textIn(ports, 'manifest.json');
  expect(JSON.parse(manifest)).toMatchObject({
    cases: [
      { case_id: 'patient 1', liver_seconds: 7 },
      { case_id: 'patient 2', liver_seconds: 1 },
    ],
  });
  expect(manifest.indexOf('case_id')).toBeLessThan(manifest.indexOf('liver_seconds'));
  const [, first, second] = textIn(ports, 'cases.csv').split('\r\n');
  expect(first).toBe(
    'patient 1,patient 1,succeeded,review,LIVER_CUT,true,1500.5,1400,100.5,6.7,2,1,12.25,12,,',
  );
  expect(second).toBe('patient 2,patient 2,succeeded,,,true,,,,,,,,12,,');
});
