import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { offersTorch } from '../../local/engine-environment/torch-index.ts';
import { ROOT } from '../fixtures/hpb-command.ts';
import { closeServer, listen, urlOf } from '../fixtures/package-index.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

describe("an index of PyTorch's CPU builds", () => {
  it('is given up when it hangs', async () => {
    const hanging = await listen(() => {});
    const python = join(ROOT, '.venv', 'bin', 'python');

    const started = performance.now();
    const offered = await offersTorch(urlOf(hanging), { python, environment: {} });
    await closeServer(hanging);

    expect(offered).toBe(false);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('may be a folder of this machine', async () => {
    const folder = tempFolder();
    const options = { python: '/nowhere', environment: {} };
    await mkdir(join(folder, 'simple', 'torch'), { recursive: true });

    expect(await offersTorch(`file://${folder}/simple/`, options)).toBe(true);
    expect(await offersTorch(`file://${folder}/absent`, options)).toBe(false);
  });
});
