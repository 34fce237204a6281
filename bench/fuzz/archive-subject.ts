import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { fileSource } from '../../adapters/intake/byte-source.ts';
import type { UnpackedCt } from '../../adapters/intake/kept-cases.ts';
import { takeArchive } from '../../adapters/intake/take-archive.ts';
import { uploadKind } from '../../adapters/intake/upload-kind.ts';
import { HpbError } from '../../core/errors.ts';
import type { ArchiveVerdict } from './oracle.ts';
import type { Said } from './nifti-subject.ts';

/** The cases of an archive: name, and the SHA-256 of the CT or the code of its refusal. */
export type ReadCases = readonly (readonly [name: string, outcome: string])[];

const BOUNDS = { maxCases: 100, maxUnpackedBytes: 2 ** 30 };
const RULES = { models: ['liver'], segment: { fast: true, folds: [0], tta: false } } as const;

/** Takes an archive apart as the service does. */
export async function takeOurs(path: string): Promise<Said<ReadCases>> {
  const scratch = `${path}-scratch`;
  await mkdir(scratch, { recursive: true });
  try {
    const source = await fileSource(path);
    const { kind } = await uploadKind(source, 'upload');
    // What the intake says of a batch that is no archive.
    if (kind === 'ct' || kind === 'other') return { code: 'ARCHIVE_UNREADABLE' };
    const keep = async (_: unknown, ct: UnpackedCt): Promise<string> =>
      createHash('sha256')
        .update('path' in ct ? await readFile(ct.path) : ct.content)
        .digest('hex');
    const { cases } = await takeArchive({ source, kind, bounds: BOUNDS, rules: RULES, scratch, keep });
    return { read: cases.map(({ name, key, error }) => [name, key ?? error!.code]) };
  } catch (error) {
    if (error instanceof HpbError && error.code !== 'UNEXPECTED') return { code: error.code };
    throw error;
  } finally {
    await assertEmpty(scratch);
  }
}

async function assertEmpty(folder: string): Promise<void> {
  const left = await readdir(folder);
  await rm(folder, { recursive: true });
  if (left.length > 0)
    throw new HpbError('UNEXPECTED', `${left.length} files were left in scratch.`, {
      remedy: 'Look at adapters/intake/take-archive.ts.',
    });
}

/** What is wrong between us and the oracle, in words; null when all agrees. */
export function archiveQuarrel(ours: Said<ReadCases>, theirs: ArchiveVerdict): string | null {
  if (theirs.failed !== undefined) return `the oracle failed: ${theirs.failed}`;
  if (theirs.open === true) return null;
  if (theirs.witness === 'differs') return 'Python unpacks something else than the oracle';
  if ('code' in ours) {
    if (theirs.codes?.includes(ours.code) === true) return null;
    return `we refuse with ${ours.code}, the oracle ${told(theirs)}`;
  }
  if (theirs.cases === undefined) return `we read ${JSON.stringify(ours.read)}, the oracle ${told(theirs)}`;
  const same =
    ours.read.length === theirs.cases.length &&
    ours.read.every(([name, outcome], at) => {
      const [other, expected] = theirs.cases![at]!;
      return name === other && fits(outcome, expected);
    });
  return same ? null : `we read ${JSON.stringify(ours.read)}, the oracle ${told(theirs)}`;
}

const told = ({ cases, codes }: ArchiveVerdict): string =>
  cases === undefined ? `refuses it for ${codes!.join(', ')}` : `reads ${JSON.stringify(cases)}`;

/** The oracle knows what a NIfTI is, not what makes one a CT: such refusals it cannot judge. */
function fits(outcome: string, expected: string | readonly string[]): boolean {
  return typeof expected === 'string'
    ? outcome === expected || outcome.startsWith('CT_')
    : expected.includes(outcome);
}
