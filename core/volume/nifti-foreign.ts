import { HpbError } from '../errors.ts';

/** Bytes from the start of a file that `foreignFile` wants to see (fewer when the file is shorter). */
export const FOREIGN_HEAD_BYTES = 512;

const DICOM_REMEDY =
  'Convert the series: `dcm2niix -z y -o OUT FOLDER` (apt install dcm2niix), then give the .nii.gz it writes.';

const ARCHIVES: readonly (readonly [name: string, at: number, magic: readonly number[]])[] = [
  ['zip', 0, [0x50, 0x4b, 0x03, 0x04]],
  ['zip', 0, [0x50, 0x4b, 0x05, 0x06]],
  ['tar', 257, [0x75, 0x73, 0x74, 0x61, 0x72]],
  ['7z', 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['rar', 0, [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ['xz', 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', 0, [0x42, 0x5a, 0x68]],
  ['zstd', 0, [0x28, 0xb5, 0x2f, 0xfd]],
];

const has = (head: Uint8Array, at: number, magic: readonly number[]): boolean =>
  magic.every((byte, index) => head[at + index] === byte);

/**
 * The error that names what a file is which is no NIfTI, by its first bytes (after gunzip): a DICOM file, an
 * archive or other compression, a text, another gzip inside. Null when nothing is recognised.
 */
export function foreignFile(head: Uint8Array): HpbError | null {
  if (has(head, 128, [0x44, 0x49, 0x43, 0x4d]))
    return new HpbError('INPUT_IS_DICOM', 'The file is a DICOM file, one slice of a series.', {
      remedy: DICOM_REMEDY,
    });
  const archive = ARCHIVES.find(([, at, magic]) => has(head, at, magic));
  if (archive !== undefined)
    return new HpbError('INPUT_IS_ARCHIVE', `The file is a ${archive[0]} archive.`, {
      remedy:
        'Unpack it and give the CT in it as .nii or .nii.gz; of a DICOM series, what `dcm2niix -z y -o OUT FOLDER` writes of the unpacked folder.',
      details: { kind: archive[0] },
    });
  if (has(head, 0, [0x1f, 0x8b]))
    return new HpbError('NIFTI_NOT_NIFTI', 'The file was compressed with gzip twice.', {
      remedy: 'Run `gunzip` on it once and give the result.',
      details: { kind: 'gzip' },
    });
  if (isText(head))
    return new HpbError('NIFTI_NOT_NIFTI', 'The file is a text, not an image.', {
      remedy: 'Give a CT as .nii or .nii.gz.',
      details: { kind: 'text' },
    });
  return null;
}

function isText(head: Uint8Array): boolean {
  return head.length > 0 && head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
