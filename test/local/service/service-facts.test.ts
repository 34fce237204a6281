import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../core/settings.ts';
import { readinessFacts, versionFacts } from '../../../local/service/service-facts.ts';
import { ROOT } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const facts = (environment: Readonly<Record<string, string>>, packageRoot = ROOT) => ({
  settings: parseSettings({ HPB_DATA_ROOT: tempFolder(), ...environment }),
  packageRoot,
  serviceVersion: '1.2.3',
});

describe('the version of the service', () => {
  it('names engines, and for each model its weights and its licence', async () => {
    const { service, engines, models } = await versionFacts(facts({}));

    expect(service).toBe('1.2.3');
    expect(engines).toMatchObject({ nnunet: '1.7.1', nnunetv2: '2.6.0', totalsegmentator: '2.18.0' });
    expect(models.find(({ id }) => id === 'task008')).toMatchObject({
      weights: 'demo',
      weightsVersion: expect.stringMatching(/^[0-9a-f]{16}$/),
      licence: { name: 'CC-BY-NC-4.0', commercialUse: false },
    });
    expect(models.find(({ id }) => id === 'liver_segments')).toMatchObject({
      weights: 'missing',
      weightsVersion: null,
    });
  });

  it('changes with the weights', async () => {
    const root = tempFolder();
    cpSync(join(ROOT, 'container/engine/demo-weights'), join(root, 'container/engine/demo-weights'), {
      recursive: true,
    });
    const version = async () =>
      (await versionFacts(facts({}, root))).models.find(({ id }) => id === 'liver')!.weightsVersion;
    const before = await version();

    const manifest = join(root, 'container/engine/demo-weights/manifest.json');
    const { sets } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      sets: Record<string, { files: Record<string, { sha256: string }> }>;
    };
    Object.values(sets['ts298']!.files)[0]!.sha256 = 'f'.repeat(64);
    writeFileSync(manifest, JSON.stringify({ sets }));

    expect(await version()).not.toBe(before);
  });
});

describe('readiness', () => {
  it('holds when engines, weights, data root and disk are there', async () => {
    expect(await readinessFacts(facts({ HPB_MIN_FREE_BYTES: '1' }))).toEqual({
      ready: true,
      checks: { engines: true, weights: true, dataRoot: true, disk: true },
      errors: [],
    });
  });

  it('says what lacks and what to do', async () => {
    const answer = await readinessFacts(
      facts({ HPB_VENV: join(tempFolder(), 'none'), HPB_MIN_FREE_BYTES: String(2 ** 50) }, tempFolder()),
    );

    expect(answer.ready).toBe(false);
    expect(answer.checks).toEqual({ engines: false, weights: false, dataRoot: true, disk: false });
    expect(answer.errors.join(' ')).toMatch(/hpb setup.*hpb models.*finished jobs/);
  });
});
