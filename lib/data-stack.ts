import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Repository, RepositoryEncryption, TagMutability, TagStatus } from 'aws-cdk-lib/aws-ecr';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  ObjectOwnership,
  type IBucket,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { INDEX_PREFIX, JOBS_PREFIX, UPLOADS_PREFIX } from '../core/layout.ts';
import type { StageConfig } from './config/read-config.ts';
import { acknowledge } from './constructs/acknowledge.ts';
import { DataKey } from './constructs/data-key.ts';
import { EncryptedBucket, lifecycleRules } from './constructs/encrypted-bucket.ts';
import { ViewerBucket } from './constructs/viewer-bucket.ts';

export interface DataStackProps extends StackProps {
  readonly config: StageConfig;
}

/** Uploads can be resumed for days (docs/reference/openapi.json): their parts stay a week. */
const ABORT_UPLOAD_DAYS = 7;
/** A manifest of weights that was overwritten by mistake can be put back. */
const SUPERSEDED_WEIGHTS_DAYS = 30;

/**
 * S3 counts from when an object was written, the sweeper from the end of its job: S3 comes after it, or it would take
 * input, results and index entry of one that ran for a week, or was retried just before it would have gone.
 */
const expireJobsDays = (retentionDays: number): number => 2 * retentionDays + 8;

/** Everything that a deployment keeps, and the key that it is kept under. */
export class DataStack extends Stack {
  readonly key: DataKey;
  /** `uploads/`, `jobs/`, `index/`, `executions/`. */
  readonly jobsBucket: Bucket;
  /** `ingest/`, `ingest-rejected/`; EventBridge hears of its objects. */
  readonly ingestBucket: Bucket;
  /** Weights. */
  readonly modelsBucket: Bucket;
  /** `liverCases/`, read by browsers. */
  readonly viewerBucket: Bucket;
  /** Access logs of the others. */
  readonly accessLogs: Bucket;
  /** Images of the workers. */
  readonly repository: Repository;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, props);
    const { config } = props;
    const { stage, retentionDays, retainData: retain } = config;
    this.key = new DataKey(this, 'Key', { stage, retain });
    this.accessLogs = this.#accessLogs(config);
    // The classes of the CDK have optional properties where its interfaces have none under our strictness.
    const accessLogs = this.accessLogs as IBucket;
    const kept = { key: this.key, accessLogs, retain };
    this.jobsBucket = new EncryptedBucket(this, 'JobsBucket', {
      ...kept,
      expireDays: expireJobsDays(retentionDays),
      // What an operator has put there stays: calibration.json.
      expirePrefixes: [UPLOADS_PREFIX, JOBS_PREFIX, INDEX_PREFIX],
      abortUploadDays: ABORT_UPLOAD_DAYS,
    });
    this.ingestBucket = new EncryptedBucket(this, 'IngestBucket', {
      ...kept,
      expireDays: retentionDays,
      events: true,
    });
    this.modelsBucket = new EncryptedBucket(this, 'ModelsBucket', {
      ...kept,
      supersededDays: SUPERSEDED_WEIGHTS_DAYS,
    });
    this.viewerBucket = new ViewerBucket(this, 'ViewerBucket', { config, accessLogs });
    this.repository = this.#repository(retain);
    this.#tell();
  }

  /** S3 delivers access logs only where its own encryption is. */
  #accessLogs({ logRetentionDays, retainData }: StageConfig): Bucket {
    const bucket = new Bucket(this, 'AccessLogs', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: lifecycleRules({ expireDays: logRetentionDays }),
      removalPolicy: retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    acknowledge(bucket, {
      'AwsSolutions-S1': 'It is where access logs go; logging itself would never end.',
      'HIPAA.Security-S3BucketLoggingEnabled': 'It is where access logs go; logging itself would never end.',
      'HIPAA.Security-S3BucketReplicationEnabled': 'Access logs are of use for a time and in one place.',
      'HIPAA.Security-S3DefaultEncryptionKMS':
        'S3 delivers access logs to no bucket under a KMS key of ours.',
    });
    return bucket;
  }

  #repository(retain: boolean): Repository {
    return new Repository(this, 'WorkerImages', {
      encryption: RepositoryEncryption.KMS,
      encryptionKey: this.key,
      imageScanOnPush: true,
      imageTagMutability: TagMutability.IMMUTABLE,
      lifecycleRules: [
        {
          rulePriority: 1,
          description: 'untagged',
          tagStatus: TagStatus.UNTAGGED,
          maxImageAge: Duration.days(14),
        },
        { rulePriority: 2, description: 'older than the last ten', maxImageCount: 10 },
      ],
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  #tell(): void {
    const told = {
      JobsBucketName: this.jobsBucket.bucketName,
      IngestBucketName: this.ingestBucket.bucketName,
      ModelsBucketName: this.modelsBucket.bucketName,
      ViewerBucketName: this.viewerBucket.bucketName,
      WorkerRepositoryUri: this.repository.repositoryUri,
      KeyArn: this.key.keyArn,
    };
    for (const [name, value] of Object.entries(told)) new CfnOutput(this, name, { value });
  }
}
