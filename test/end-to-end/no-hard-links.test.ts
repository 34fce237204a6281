import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { goodCt, RunningService } from '../fixtures/running-service.ts';

const NO_HARD_LINKS = pathToFileURL(join(import.meta.dirname, '../fixtures/bin/no-hard-links.ts')).href;

it('a service whose data root lies on a disk without hard links takes a CT to its end', async () => {
  const service = new RunningService('ok', undefined, { NODE_OPTIONS: `--import=${NO_HARD_LINKS}` });
  try {
    const { jobId } = await service.submit('both', 'case.nii.gz', await goodCt(1));
    const job = await service.until(jobId, ({ endedAt }) => endedAt !== null);

    expect(job.state).toBe('SUCCEEDED');
    expect(readdirSync(service.folder).filter((name) => name.startsWith('link-secret'))).toEqual([
      'link-secret',
    ]);
  } finally {
    await service.stop();
  }
});
