import type { CloudAccount, EcrImage, EnvironmentFacts, QueueFacts } from '../../adapters/cloud-account.ts';
import type { DoctorLine } from '../doctor.ts';
import { fail, looked, ok, warn } from './line.ts';

type Outputs = Readonly<Record<string, string>>;

/** Queues and machines of a deployment. */
export interface ComputeSeen {
  readonly lines: readonly DoctorLine[];
  /** Null when they could not be looked at. */
  readonly environments: readonly EnvironmentFacts[] | null;
}

/** Looks at the queues that the outputs name and at the environments behind them: ENABLED and VALID. */
export async function seeCompute(
  account: Pick<CloudAccount, 'queues' | 'environments'>,
  outputs: Outputs,
): Promise<ComputeSeen> {
  const arns = ['InteractiveQueueArn', 'BulkQueueArn', 'CpuQueueArn'].flatMap((name) => outputs[name] ?? []);
  if (arns.length === 0) return { lines: [], environments: null };
  let queues: readonly QueueFacts[] = [];
  let environments: readonly EnvironmentFacts[] | null = null;
  const ofQueues = await looked({ name: 'Queues', permission: 'batch:DescribeJobQueues' }, async () => {
    queues = await account.queues(arns);
    const lost = queues.length < arns.length ? [missing('Queues', arns.length - queues.length)] : [];
    return [...queues.map((one) => standingLine('Queue', one)), ...lost];
  });
  const ofEnvironments = await looked(
    { name: 'Compute environments', permission: 'batch:DescribeComputeEnvironments' },
    async () => {
      const behind = [...new Set(queues.flatMap((queue) => queue.environments))];
      if (behind.length === 0) return [];
      environments = await account.environments(behind);
      const lost = behind.length - environments.length;
      return [
        ...environments.map((one) => standingLine('Compute environment', one)),
        ...(lost > 0 ? [missing('Compute environments', lost)] : []),
      ];
    },
  );
  return { lines: [...ofQueues, ...ofEnvironments], environments };
}

const missing = (name: string, count: number): DoctorLine =>
  fail(
    name,
    `${count} that the stack names ${count === 1 ? 'is' : 'are'} not there`,
    'Somebody has deleted it by hand: deploy again.',
  );

function standingLine(
  kind: string,
  { name, state, status, reason }: QueueFacts | EnvironmentFacts,
): DoctorLine {
  const title = `${kind} ${name}`;
  const found = `${state}, ${status}${reason === null ? '' : `: ${reason}`}`;
  if (state === 'ENABLED' && status === 'VALID') return ok(title, `${state}, ${status}`);
  if (status.endsWith('ING')) return warn(title, found, 'It is being changed: look again in some minutes.');
  const remedy =
    state === 'ENABLED'
      ? 'Its reason tells what AWS lacks: often a role, a subnet or a launch template that was deleted by hand. Mend that, then deploy again.'
      : 'Somebody has disabled it: enable it in the console of Batch, or deploy again.';
  return fail(title, found, remedy);
}

/** Whether the images that workers start from are where the job definitions look for them. */
export async function imageLines(
  account: Pick<CloudAccount, 'definitionImage' | 'hasImage'>,
  outputs: Outputs,
): Promise<readonly DoctorLine[]> {
  const lines: DoctorLine[] = [];
  for (const [title, output] of [
    ['Image of the workers', 'WorkerDefinitionArn'],
    ['Image of the workers without GPU', 'CpuDefinitionArn'],
  ] as const) {
    const arn = outputs[output];
    if (arn === undefined) continue;
    const permission = 'batch:DescribeJobDefinitions, ecr:DescribeImages';
    lines.push(
      ...(await looked({ name: title, permission }, async () => [await imageLine(account, title, arn)])),
    );
  }
  return lines;
}

async function imageLine(
  account: Pick<CloudAccount, 'definitionImage' | 'hasImage'>,
  title: string,
  arn: string,
): Promise<DoctorLine> {
  const deploy = 'Deploy again; with `-c imageUri=<repository>@sha256:…` push the image first.';
  const image = await account.definitionImage(arn);
  if (image === null) return fail(title, 'there is no active job definition', deploy);
  const parsed = parseEcrImage(image);
  if (parsed === null)
    return warn(
      title,
      `${image} is not of ECR and was not looked for`,
      'Check by hand that it can be pulled.',
    );
  if (await account.hasImage(parsed)) return ok(title, image);
  return fail(title, `${image} is not in its repository`, deploy);
}

/** The parts of an image name of ECR; null for one of another registry. */
export function parseEcrImage(image: string): EcrImage | null {
  const [, registryId, repositoryName, digest, tag] =
    /^(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/([^@:]+)(?:@(sha256:[0-9a-f]{64})|:([\w.-]+))$/.exec(
      image,
    ) ?? [];
  if (registryId === undefined || repositoryName === undefined) return null;
  const imageId = digest === undefined ? { imageTag: tag! } : { imageDigest: digest };
  return { registryId, repositoryName, imageId };
}
