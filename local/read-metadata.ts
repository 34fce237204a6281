import { casesOf, openResultPackage } from '../adapters/result-package.ts';
import { HpbError } from '../core/errors.ts';
import { metadataSchema, type Metadata } from '../core/results/metadata-schema.ts';

/** The metadata.json of a case in a result. */
export interface CaseMetadata {
  /** Folder of the case in a batch; null for the result of a single case. */
  readonly case: string | null;
  readonly metadata: Metadata;
}

/**
 * Reads the metadata.json of every case of a result ZIP or folder.
 *
 * @throws HpbError INPUT_*, RESULT_UNREADABLE.
 */
export async function readMetadata(path: string): Promise<readonly CaseMetadata[]> {
  const files = await openResultPackage(path);
  try {
    const read: CaseMetadata[] = [];
    for (const { folder } of casesOf(files)) {
      const metadata = parsed(await files.read(`${folder}metadata.json`));
      read.push({ case: folder === '' ? null : folder.slice(0, -1), metadata });
    }
    return read;
  } finally {
    files.close();
  }
}

function parsed(bytes: Buffer): Metadata {
  try {
    return metadataSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw new HpbError('RESULT_UNREADABLE', 'The metadata.json of the result is not one of this version.', {
      remedy: 'Check the result with `hpb verify`; make it again if it is of another version.',
      cause,
    });
  }
}
