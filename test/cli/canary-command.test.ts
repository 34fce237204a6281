import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CanaryReport } from '../../cli/canary.ts';
import { finished, workplace } from '../fixtures/client-workplace.ts';
import { hpbHere } from '../fixtures/hpb-command.ts';
import { goodCt, RunningService } from '../fixtures/running-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** A service whose engine is a double, and a CT that it takes. */
async function running(behaviour: string) {
  const service = new RunningService(behaviour);
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const folder = tempFolder();
  const ct = join(folder, 'Doe^Jane.nii.gz');
  writeFileSync(ct, await goodCt(1));
  const environment = { HPB_ENDPOINT: await service.url(), HPB_DATA_ROOT: join(folder, 'data') };
  const canary = (...args: string[]) => hpbHere(['canary', ...args], environment);
  const expecting = (document: unknown): string => {
    const path = join(folder, 'volumes.json');
    writeFileSync(path, JSON.stringify(document));
    return path;
  };
  return { service, ct, canary, expecting, folder };
}

const reportOf = (stdout: string): CanaryReport => JSON.parse(stdout) as CanaryReport;

describe('hpb canary', () => {
  it('takes a CT the whole way, holds its volumes against those expected, and leaves nothing behind', async () => {
    const { service, ct, canary, expecting, folder } = await running('ok');

    const wrong = await canary('--ct', ct, '--expect', expecting({ volumesMl: { liver: 1e6 } }), '--json');
    const liver = reportOf(wrong.stdout).volumes[0]!.foundMl!;
    const right = await canary('--ct', ct, '--expect', expecting({ volumesMl: { liver } }));

    expect(wrong.code).toBe(1);
    expect(reportOf(wrong.stdout)).toMatchObject({
      ok: false,
      demo: true,
      checks: [
        { name: 'job', ok: true },
        { name: 'receipt', ok: true },
      ],
      volumes: [{ structure: 'liver', tolerancePercent: 5, ok: false }],
    });
    expect(liver).toBeGreaterThan(0);
    expect(right.code).toBe(0);
    expect(right.stdout).toMatch(/^liver, ml +[\d.]+ +[\d.]+ +\+0\.0 % of ±5 % +ok$/m);
    expect(right.stdout).toContain('DEMO weights');
    expect(await (await service.fetch('/jobs')).json()).toMatchObject({ jobs: [] });
    expect(readdirSync(join(folder, 'data', 'client')).filter((name) => name.startsWith('canary'))).toEqual(
      [],
    );
  });

  it('sends the synthetic CT when none is given', async () => {
    const { canary } = await running('ok');

    const { stdout } = await canary('--json');

    const { checks, volumes } = reportOf(stdout);
    expect(checks.map(({ ok }) => ok)).toEqual([true, true]);
    // The double finds masks of its own: what is compared are the structures of the synthetic CT.
    expect(volumes.map(({ structure }) => structure)).toEqual(['liver', 'hepatic_vessels', 'liver_tumors']);
  });

  it('tells why the job failed, and purges it', async () => {
    const { service, canary, folder } = await running('ok');
    const ct = join(folder, 'broken.nii.gz');
    writeFileSync(ct, Buffer.alloc(5_000, 7));

    const { code, stdout } = await canary('--ct', ct, '--json');

    expect(code).toBe(1);
    expect(reportOf(stdout)).toMatchObject({
      demo: null,
      checks: [{ name: 'job', ok: false, found: expect.stringMatching(/^FAILED, NIFTI_\w+: /) }],
    });
    expect(await (await service.fetch('/jobs')).json()).toMatchObject({ jobs: [] });
  });

  it('finds a result that was altered on its way', async () => {
    const { service, run, ct } = await workplace();
    let isOver = false;
    // A ZIP of two files without a receipt, as soon as the job is looked at.
    service.fault = async ({ method, url }) => {
      const [, jobId] = /\/jobs\/([^/?]+)$/.exec(url) ?? [];
      if (jobId === undefined || method !== 'GET' || isOver) return undefined;
      isOver = true;
      await finished(service, jobId, 'SUCCEEDED');
      return undefined;
    };

    const { code, stdout } = await run('canary', '--ct', ct, '--json');

    expect(code).toBe(2);
    expect(stdout).toContain('"code":"RESULT_UNREADABLE"');
  });

  it('gives up a job that is not over in time, and purges it', async () => {
    const { service, run, ct } = await workplace();

    const { code, stderr } = await run('canary', '--ct', ct, '--timeout', '1');

    expect(code).toBe(35);
    expect(stderr).toContain('not over after 1 s');
    expect((await service.ports.index.list({ limit: 10 })).jobs).toEqual([]);
  });

  it.each([
    ['volumes without a CT', ['--expect', 'volumes.json']],
    ['a file that tells no volumes', ['--ct', 'ct.nii.gz', '--expect', 'package.json']],
  ])('refuses %s with 2', async (_, args) => {
    const { code, stderr } = await hpbHere(['canary', ...args], { HPB_DATA_ROOT: tempFolder() });

    expect(code).toBe(2);
    expect(stderr).toContain('Code: USAGE');
  });
});
