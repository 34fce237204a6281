import { describe, expect, it } from 'vitest';
import { FOREIGN_HEAD_BYTES, foreignFile } from '../../../core/volume/nifti-foreign.ts';

/** The first bytes of a file with these at a place. */
function head(at: number, bytes: string | readonly number[]): Uint8Array {
  const file = new Uint8Array(FOREIGN_HEAD_BYTES);
  file.set(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, at);
  return file;
}

describe('a file that is no NIfTI', () => {
  it.each([
    ['a DICOM slice', head(128, 'DICM'), 'INPUT_IS_DICOM'],
    ['a ZIP', head(0, 'PK\u0003\u0004'), 'INPUT_IS_ARCHIVE'],
    ['an empty ZIP', head(0, 'PK\u0005\u0006'), 'INPUT_IS_ARCHIVE'],
    ['a tar', head(257, 'ustar'), 'INPUT_IS_ARCHIVE'],
    ['a 7z', head(0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), 'INPUT_IS_ARCHIVE'],
  ])('%s comes with the command that converts what may be in it', (_, bytes, code) => {
    const error = foreignFile(bytes)!;

    expect(error.code).toBe(code);
    expect(error.remedy).toContain('dcm2niix -z y -o OUT FOLDER');
  });

  it('an archive is to be unpacked first', () => {
    expect(foreignFile(head(0, 'PK\u0003\u0004'))!.remedy).toMatch(/^Unpack it/);
  });

  it.each([
    ['a text', new TextEncoder().encode('Dear colleague'), 'text'],
    ['a gzip in a gzip', head(0, [0x1f, 0x8b]), 'gzip'],
  ])('%s is named', (_, bytes, kind) => {
    expect(foreignFile(bytes)).toMatchObject({ code: 'NIFTI_NOT_NIFTI', details: { kind } });
  });

  it('of a kind unknown is nothing in particular', () => {
    expect(foreignFile(head(0, [1, 2, 3]))).toBeNull();
  });
});
