import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { INGEST_PREFIX, INGEST_REJECTED_PREFIX } from '../../core/layout.ts';
import { exportName } from './acknowledge.ts';
import { jobObjects, together, type ObjectWork, type Rights } from './job-objects.ts';
import type { ServiceSurroundings } from './service-functions.ts';
import {
  announce,
  measure,
  publishToViewer,
  receive,
  runWorkflow,
  seeDrops,
  seeWeights,
  takeDrops,
  useKey,
  watchWorkers,
} from './service-permissions.ts';
import { VIEWER_PREFIX } from './viewer-bucket.ts';
import { machineName } from './workflow.ts';

/** Entries move with the state of their job. */
const INDEX = { Index: ['read', 'write', 'remove'] } as const satisfies ObjectWork;
/** An end is told once: its mark is set before, and taken back when that fails. */
const ENDS = { ...INDEX, Announcements: ['remove'] } as const satisfies ObjectWork;
/** A job and its uploads, gone for good. */
const PURGED = { Jobs: ['remove', 'erase'], Uploads: ['remove', 'erase'] } as const satisfies ObjectWork;

/** Of PrepareJob. It ends the job itself when the upload is at fault. */
export const prepareRights = (around: ServiceSurroundings): Rights =>
  together(
    ofBucket(around, {
      ...ENDS,
      Jobs: ['read', 'writeLarge', 'copyTo'],
      Uploads: ['read', 'copyFrom'],
      UploadUses: ['write'],
      Calibration: ['read'],
    }),
    tell(around),
  );

/** Of RecordShardFailure. */
export const shardFailureRights = (around: ServiceSurroundings): Rights =>
  ofBucket(around, { Jobs: ['read'], Failures: ['write'] });

/** Of PublishResults. */
export const publishRights = (around: ServiceSurroundings): Rights =>
  together(ofBucket(around, { ...ENDS, Jobs: ['read', 'writeLarge'] }), tell(around), viewerRights(around));

/** Of FailJob. */
export const failRights = (around: ServiceSurroundings): Rights =>
  together(ofBucket(around, { ...ENDS, Jobs: ['read', 'write'] }), tell(around));

/** Of the API. */
export const apiRights = (around: ServiceSurroundings): Rights =>
  together(
    ofBucket(around, {
      ...INDEX,
      Jobs: ['read', 'write', ...PURGED.Jobs],
      Uploads: ['read', 'write', 'listParts', 'giveUpParts', ...PURGED.Uploads],
      Calibration: ['read'],
    }),
    tell(around),
    plain(...seeWeights(around.data), ...watchWorkers(around.compute)),
    workflow(around, 'stop'),
  );

/** Of ingestion. It ends no job. */
export const ingestRights = (around: ServiceSurroundings): Rights =>
  together(
    ofBucket(around, {
      ...INDEX,
      Jobs: ['read', 'write'],
      Uploads: ['read', 'writeLarge', 'copyTo'],
      Calibration: ['read'],
    }),
    plain(measure(around.home.config.stage), ...seeWeights(around.data), receive(around.dropped.queue)),
    dropRights(around),
    workflow(around),
  );

/** Of the sweeper. It admits no jobs: it starts those that were. */
export const sweepRights = (around: ServiceSurroundings): Rights =>
  together(
    ofBucket(around, {
      ...INDEX,
      Jobs: ['read', 'write', ...PURGED.Jobs],
      Uploads: ['read', 'giveUpParts', ...PURGED.Uploads],
    }),
    tell(around),
    plain(seeDrops(around.data)),
    workflow(around, 'stop'),
  );

/** Of the canary. Its upload is sent whole, and it purges its job. */
export const canaryRights = (around: ServiceSurroundings): Rights =>
  together(
    ofBucket(around, {
      ...INDEX,
      Jobs: ['read', 'write', ...PURGED.Jobs],
      Uploads: ['read', 'write', ...PURGED.Uploads],
      Calibration: ['read'],
      Canary: ['read', 'write'],
    }),
    tell(around),
    plain(...seeWeights(around.data)),
    workflow(around, 'stop'),
  );

const plain = (...statements: readonly PolicyStatement[]): Rights => ({ statements, wildcards: {} });

const ofBucket = ({ data }: ServiceSurroundings, work: ObjectWork): Rights =>
  together(jobObjects(data, work), plain(useKey(data)));

/** Figures, and the ends of jobs. */
const tell = ({ home: { config } }: ServiceSurroundings): Rights => plain(measure(config.stage), announce());

const workflow = ({ home: { config } }: ServiceSurroundings, ...more: readonly 'stop'[]): Rights =>
  runWorkflow(machineName(config), ...more);

const viewerRights = ({ data }: ServiceSurroundings): Rights => ({
  statements: publishToViewer(data),
  wildcards: {
    [`AwsSolutions-IAM5[Resource::${exportName(data.viewerBucket.bucketArn, data)}/${VIEWER_PREFIX}*]`]:
      'Cases are named after their jobs.',
  },
});

const dropRights = ({ data }: ServiceSurroundings): Rights => ({
  statements: takeDrops(data),
  wildcards: Object.fromEntries(
    [INGEST_PREFIX, INGEST_REJECTED_PREFIX].map((prefix) => [
      `AwsSolutions-IAM5[Resource::${exportName(data.ingestBucket.bucketArn, data)}/${prefix}*]`,
      'Who drops an object chooses its name.',
    ]),
  ),
});
