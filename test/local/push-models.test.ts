import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MODELS_PREFIX, modelsManifestKey } from '../../core/layout.ts';
import { parseSettings } from '../../core/settings.ts';
import { pushModels } from '../../local/models/push-models.ts';
import { serviceFakes } from '../fakes/service-fakes.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { fakeSet, writeTree } from '../fixtures/weights.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

it('puts what is installed into the bucket, the manifest last', async () => {
  const root = tempFolder();
  await writeTree(join(root, 'models', 'nnunet_v1'), fakeSet('task008'));
  const { store } = serviceFakes();
  const settings = parseSettings({ HPB_DATA_ROOT: root });

  const pushed = await pushModels({ settings, packageRoot: CHECKOUT, store, demo: false });

  expect(new Set(pushed.map(({ set }) => set))).toEqual(new Set(['task008']));
  const keys = (await store.list(MODELS_PREFIX)).map(({ key }) => key);
  expect(keys).toContain(modelsManifestKey());
  expect(keys).toHaveLength(pushed.length + 1);
});

it('sends no demo network as a real one, whoever put it where real ones are', async () => {
  const root = tempFolder();
  await cp(join(CHECKOUT, 'container/engine/demo-weights'), join(root, 'models'), { recursive: true });
  const { store } = serviceFakes();
  const settings = parseSettings({ HPB_DATA_ROOT: root });

  await expect(pushModels({ settings, packageRoot: CHECKOUT, store, demo: false })).rejects.toMatchObject({
    code: 'WEIGHTS_MISSING',
    remedy: expect.stringContaining('--demo') as string,
  });
  expect(await store.list(MODELS_PREFIX)).toEqual([]);
});
