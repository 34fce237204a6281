import { z } from 'zod';

/** What a deployment may be told; every property has a default but those that only some choices need. */

const described = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description });
/** `-c name=value` hands over text; cdk.json hands over what is meant. */
const flag = (description: string) =>
  described(z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })]), description);
const whole = (least: number, most: number, description: string) =>
  described(z.coerce.number().int().min(least).max(most), description);
const amount = (description: string) => described(z.coerce.number().positive(), description);
const list = <T extends string>(item: z.ZodType<T>, description: string) =>
  described(
    z.preprocess(
      (value) =>
        typeof value === 'string'
          ? value
              .split(',')
              .map((part) => part.trim())
              .filter((part) => part !== '')
          : value,
      z.array(item),
    ),
    description,
  );

const ADDRESS_RANGE = z.union([z.cidrv4(), z.cidrv6()]);
const VPC_ENDPOINT = z.string().regex(/^vpce-[0-9a-f]{8,17}$/);
const IMAGE_BY_DIGEST = /^[a-z0-9.-]+(:\d+)?\/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$/;
const SIGNING_KEY = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/;
const ORIGIN = /^https?:\/\/[^/*\s]+$/;

/** What CloudWatch Logs can be told. */
const LOG_RETENTION_DAYS: readonly number[] = [7, 14, 30, 90, 180, 365, 731, 1827, 2192, 3653];

/** g4dn sizes, small to large, as `core/plan.ts` counts on them. */
export const GPU_SIZES = ['xlarge', '2xlarge', '4xlarge'] as const;

/** The unit of `maxGpuInstances`: vCPUs of a g4dn.2xlarge. Batch bounds an environment by vCPUs, not by machines. */
export const VCPUS_PER_SLOT = 8;

/** The schema of docs/reference/deployment-config.md; `readConfig` adds what its fields have to say to each other. */
export const configSchema = z.strictObject({
  network: described(
    z.enum(['public', 'isolated', 'existing']),
    'Where workers run. `public`: subnets with a route to the internet, no way in, no monthly cost. `isolated`: no route to the internet, endpoints in the VPC, for patient data. `existing`: the subnets of `vpcId` that `subnetIds` names.',
  ).default('public'),
  vpcId: described(
    z.string().regex(/^vpc-[0-9a-f]{8,17}$/),
    'VPC of `network=existing`; it needs ways to S3, ECR, ECS, Batch, CloudWatch and Logs.',
  ).optional(),
  subnetIds: list(
    z.string().regex(/^subnet-[0-9a-f]{8,17}$/),
    'Subnets of `vpcId` for workers, separated by commas.',
  ).default([]),
  maxGpuInstances: whole(
    1,
    500,
    'GPU machines at once, all environments together, counted in g4dn.2xlarge (8 vCPUs): an xlarge counts half, a 4xlarge double. The quotas of the account must cover it.',
  ).default(8),
  bulkGpuInstances: whole(
    1,
    499,
    'How many of them archives may take; less than `maxGpuInstances`, so that a single case never waits for an archive.',
  ).default(6),
  fallbackGpuInstances: whole(
    0,
    499,
    'How many of `bulkGpuInstances` are on-demand machines, used when no spot machine is to be had; 0: archives wait for spot machines.',
  ).default(2),
  gpuSizes: list(
    z.enum(GPU_SIZES),
    'Sizes of g4dn to use, separated by commas. A case that needs more memory than the largest has is cancelled by the queue.',
  ).default([...GPU_SIZES]),
  maxCpuInstances: whole(
    1,
    100,
    'Machines without a GPU at once (m6id.xlarge), for archives and results too large for a function.',
  ).default(2),
  spot: flag(
    'Archives run on spot machines, with `fallbackGpuInstances` on-demand ones behind; single cases run on demand first either way.',
  ).default(true),
  scaleDownDelayMinutes: described(
    z.coerce
      .number()
      .int()
      .refine((minutes) => minutes === 0 || (minutes >= 20 && minutes <= 10_080), {
        error: '0, or 20 to 10080',
      }),
    'How long a machine stays after its last job, ready for the next: 0, or 20 to 10080.',
  ).default(20),
  stuckQueueMinutes: whole(
    10,
    1_440,
    'A job at the head of a queue that no machine can be had for is cancelled after this time, and its cases fail with a code.',
  ).default(60),
  imageUri: described(
    z.string().regex(IMAGE_BY_DIGEST, 'name it by digest: <repository>@sha256:<64 hex digits>'),
    'Image of the workers, by digest; with `network=isolated` one of ECR in the same region. Default: built from this checkout at `cdk deploy`, which needs Docker.',
  ).optional(),
  signingKeyArn: described(
    z.string().regex(SIGNING_KEY, 'the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>'),
    'KMS key (ECC_NIST_P256, SIGN_VERIFY) that receipts are signed with (HPB_SIGNING_KMS_KEY). Default: they are not signed.',
  ).optional(),
  weights: described(
    z.enum(['real', 'auto']),
    'What workers segment with: `real` weights only, or `auto`: the demo networks too, if the models bucket holds them; their results say DEMO (HPB_WEIGHTS).',
  ).default('real'),
  retentionDays: whole(
    1,
    3_650,
    'Jobs are deleted with their uploads and results so many days after their end, uploads and drops that became none so many after they came.',
  ).default(30),
  viewerRetentionDays: whole(
    0,
    3_650,
    'Published viewer cases are deleted after so many days; 0: never.',
  ).default(0),
  logRetentionDays: described(
    z.coerce.number().refine((days) => LOG_RETENTION_DAYS.includes(days), {
      error: `one of ${LOG_RETENTION_DAYS.join(', ')}`,
    }),
    `How long logs are kept: ${LOG_RETENTION_DAYS.join(', ')} days.`,
  ).default(90),
  retainData: flag(
    'Buckets, key and image repository outlive their stack. `false` only lets empty ones go.',
  ).default(true),
  maxCasesPerJob: whole(1, 10_000, 'Most cases of an archive (HPB_MAX_BATCH).').default(1_000),
  maxActiveJobs: whole(
    1,
    10_000,
    'Most jobs that wait or run; a submit beyond it is answered 429 (HPB_MAX_ACTIVE_JOBS).',
  ).default(100),
  maxJobCostUsd: amount(
    'Most that a job may cost by its estimate, USD on demand, the start of its machines included; a dearer one is refused with `JOB_TOO_EXPENSIVE` (HPB_MAX_JOB_COST_USD).',
  ).default(100),
  canaryHours: whole(
    0,
    168,
    'A synthetic CT goes through the deployment every so many hours, its volumes are checked, and an alarm tells when it fails; each costs what a lone case costs (costs.md). 0: never.',
  ).default(0),
  apiRate: whole(1, 1_000, 'Requests a second that the API takes.').default(20),
  apiBurst: whole(1, 2_000, 'Requests at once that the API takes; at least `apiRate`.').default(40),
  waf: flag(
    "A web application firewall with AWS's common rules before the API; what it costs: costs.md.",
  ).default(false),
  alarmEmail: described(z.email(), 'Address that alarms and ends of jobs are sent to.').optional(),
  alarmWebhook: described(
    z.url({ protocol: /^https$/ }),
    'Address that alarms and ends of jobs are posted to, as signed SNS messages.',
  ).optional(),
  budgetUsd: amount(
    'A budget for each month: mails `alarmEmail` at 80 and 100 %, USD. Default: none.',
  ).optional(),
  viewerOrigins: list(
    z.string().regex(ORIGIN, 'an origin such as https://viewer.example.org, without path or *'),
    'Origins of web pages that may read the viewer bucket, separated by commas.',
  ).default([]),
  viewerReaders: list(
    z.union([ADDRESS_RANGE, VPC_ENDPOINT]),
    'Who may list and read the viewer bucket without credentials: address ranges and VPC endpoints, separated by commas. Default: nobody.',
  ).default([]),
  viewerOpenToTheWorld: flag(
    'Allows ranges in `viewerReaders` that S3 counts as public: wider than /8, or /32 for IPv6.',
  ).default(false),
  ingestSources: list(
    z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    'Folders below `ingest/` that are taken, separated by commas. Default: all.',
  ).default([]),
  costCenter: described(z.string().regex(/^[\w .:/=+@-]{1,128}$/), 'Value of the tag CostCenter.').optional(),
});

/** What a deployment is made from, defaults filled in. */
export type DeploymentConfig = Readonly<z.infer<typeof configSchema>>;
