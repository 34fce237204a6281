import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileChunks } from '../../adapters/input-file.ts';
import { inflateInto } from '../../adapters/nifti-stream.ts';
import { NiftiDecoder } from '../../core/volume/nifti-decoder.ts';
import { goodNifti } from '../fixtures/bad-nifti.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Inflates a file of these bytes into a decoder. */
async function inflated(bytes: Uint8Array, decoder: NiftiDecoder): Promise<void> {
  const path = join(tempFolder(), 'ct.nii.gz');
  writeFileSync(path, bytes);
  const file = await open(path);
  try {
    const source = new FileChunks(file, (await file.stat()).size);
    await inflateInto(decoder, source, await source.next());
  } finally {
    await file.close();
  }
}

describe('inflating', () => {
  it('blames the file for what zlib finds wrong with it', async () => {
    const bytes = gzipSync(goodNifti());

    await expect(inflated(bytes.subarray(0, -9), new NiftiDecoder())).rejects.toMatchObject({
      code: 'NIFTI_TRUNCATED',
    });
    await expect(inflated(bytes.fill(0xff, 30, 60), new NiftiDecoder())).rejects.toMatchObject({
      code: 'NIFTI_BAD_GZIP',
    });
  });

  it('does not blame the file for a fault of this program', async () => {
    class BrokenDecoder extends NiftiDecoder {
      override push(): void {
        throw new TypeError('buffer.transfer is not a function');
      }
    }

    await expect(inflated(gzipSync(goodNifti()), new BrokenDecoder())).rejects.toThrow(TypeError);
  });
});
