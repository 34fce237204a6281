import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { calibrationKey, canaryKey, INDEX_PREFIX, JOBS_PREFIX, UPLOADS_PREFIX } from '../../core/layout.ts';
import type { DataStack } from '../data-stack.ts';
import { exportName } from './acknowledge.ts';

/** What somebody may do, and why each wildcard in it is needed: finding of cdk-nag -> reason. */
export interface Rights {
  readonly statements: readonly PolicyStatement[];
  readonly wildcards: Readonly<Record<string, string>>;
}

/** All rights of several together. */
export const together = (...all: readonly Rights[]): Rights => ({
  statements: all.flatMap(({ statements }) => statements),
  wildcards: Object.assign({}, ...all.map(({ wildcards }) => wildcards)) as Rights['wildcards'],
});

/** Where objects of the jobs bucket lie, and why that is a wildcard; names are those of statements. */
const PLACES = {
  Jobs: { keys: `${JOBS_PREFIX}*`, why: 'Every job has a folder of its own.' },
  /** Taken back when the end could not be told. */
  Announcements: { keys: `${JOBS_PREFIX}*/announced/*`, why: 'Every job has marks of its own.' },
  Failures: { keys: `${JOBS_PREFIX}*/failures/*`, why: 'Every job has shards of its own.' },
  Uploads: { keys: `${UPLOADS_PREFIX}*`, why: 'Every upload has a folder of its own.' },
  UploadUses: { keys: `${UPLOADS_PREFIX}*/jobs/*`, why: 'Every upload has marks of its own.' },
  Index: { keys: `${INDEX_PREFIX}*`, why: 'Entries are named after jobs.' },
  Calibration: { keys: calibrationKey(), why: null },
  Canary: { keys: canaryKey(), why: null },
} as const;

const WORK = {
  read: ['s3:GetObject'],
  write: ['s3:PutObject'],
  /** Of any length: in parts, which are given up when that fails. */
  writeLarge: ['s3:PutObject', 's3:AbortMultipartUpload'],
  remove: ['s3:DeleteObject'],
  /** For good: versions that were superseded or deleted before. */
  erase: ['s3:DeleteObjectVersion'],
  /** Tags go along with a copy. */
  copyFrom: ['s3:GetObjectTagging'],
  copyTo: ['s3:PutObjectTagging'],
  /** Of what callers send in parts. */
  listParts: ['s3:ListMultipartUploadParts'],
  giveUpParts: ['s3:AbortMultipartUpload'],
} as const;

/** Place -> what is done there. */
export type ObjectWork = Readonly<Partial<Record<keyof typeof PLACES, readonly (keyof typeof WORK)[]>>>;

/**
 * Work on objects of the jobs bucket, where only what is named is allowed. Lists are of the whole bucket: who may not list
 * it without condition is refused what is missing instead of being told so.
 */
export function jobObjects({ jobsBucket }: DataStack, work: ObjectWork): Rights {
  const places = Object.entries(work) as [keyof typeof PLACES, readonly (keyof typeof WORK)[]][];
  const erases = places.some(([, how]) => how.includes('erase'));
  const statements = places.map(
    ([sid, how]) =>
      new PolicyStatement({
        sid,
        actions: [...new Set(how.flatMap((one) => WORK[one]))],
        resources: [jobsBucket.arnForObjects(PLACES[sid].keys)],
      }),
  );
  const list = new PolicyStatement({
    sid: 'List',
    actions: ['s3:ListBucket', ...(erases ? ['s3:ListBucketVersions'] : [])],
    resources: [jobsBucket.bucketArn],
  });
  const bucket = exportName(jobsBucket.bucketArn, jobsBucket);
  const reasons = places.flatMap(([place]) => {
    const { keys, why } = PLACES[place];
    return why === null ? [] : [[`AwsSolutions-IAM5[Resource::${bucket}/${keys}]`, why]];
  });
  return { statements: [list, ...statements], wildcards: Object.fromEntries(reasons) };
}
