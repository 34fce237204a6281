import { z } from 'zod';

const named = (description: string) => z.string().min(1).meta({ description });

/**
 * What a deployment tells its Lambdas and its workers by the environment: names of the resources that the stacks have
 * made. The stacks set exactly these names, the entry points read exactly these; each takes the part that it needs
 * (`deploymentSchema.pick`). On a laptop none of them is set.
 */
export const deploymentSchema = z.object({
  HPB_STAGE: named('Name of the deployment: `dev`, `prod`, ….'),
  HPB_JOBS_BUCKET: named('Bucket of `uploads/`, `jobs/`, `index/` and `executions/`.'),
  HPB_INGEST_BUCKET: named('Bucket that archives are dropped into.'),
  HPB_INGEST_QUEUE_URL: named('Queue of what was dropped there.'),
  HPB_MODELS_BUCKET: named('Bucket of the weights.'),
  HPB_VIEWER_BUCKET: named('Bucket that the viewer reads.'),
  HPB_KEY_ARN: named('KMS key of the buckets.'),
  HPB_STATE_MACHINE_ARN: named('The workflow.'),
  HPB_EVENT_BUS: named('Event bus that hears of finished jobs.'),
  HPB_INTERACTIVE_QUEUE_ARN: named('Batch queue of single cases.'),
  HPB_BULK_QUEUE_ARN: named('Batch queue of archives.'),
  HPB_CPU_QUEUE_ARN: named('Batch queue of workers without a GPU.'),
  HPB_WORKER_DEFINITION_ARN: named('Batch job definition of GPU workers.'),
  HPB_CPU_DEFINITION_ARN: named('Batch job definition of workers without a GPU.'),
  HPB_WORKER_LOG_GROUP: named('Log group of the workers.'),
});

/** The environment of a deployment, parsed. */
export type Deployment = z.infer<typeof deploymentSchema>;

/** Name of one of its variables. */
export type DeploymentName = keyof Deployment;
