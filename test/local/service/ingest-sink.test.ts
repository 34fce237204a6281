import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../../adapters/file-object-store.ts';
import { ingestFile } from '../../../local/service/ingest-sink.ts';
import { serviceFakes } from '../../fakes/service-fakes.ts';
import { becomeNobody } from '../../fixtures/nobody.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

describe('a file of the ingest folder', () => {
  it('that the service may not read is refused for that, as one that no later round could take', async () => {
    const folder = tempFolder();
    const root = tempFolder();
    const ports = { ...serviceFakes(), store: new FileObjectStore(join(root, 'objects')) };
    const path = join(folder, 'case.nii.gz');
    writeFileSync(path, 'voxels');
    chmodSync(path, 0);
    for (const own of [folder, root]) chmodSync(own, 0o777);
    becomeNobody();

    await expect(
      ingestFile(ports, { path, name: 'case.nii.gz', bytes: 6, version: '1-6-1' }, folder),
    ).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('permission'),
      blame: 'caller',
      retryable: false,
    });
  });

  it('that is a link is refused for that', async () => {
    const folder = tempFolder();
    const path = join(folder, 'case.nii.gz');
    writeFileSync(join(folder, 'ct'), 'voxels');
    symlinkSync(join(folder, 'ct'), path);

    await expect(
      ingestFile(serviceFakes(), { path, name: 'case.nii.gz', bytes: 6, version: '1-6-1' }, folder),
    ).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', message: expect.stringContaining('link') });
  });
});
