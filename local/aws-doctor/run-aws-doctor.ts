import type { CloudAccount } from '../../adapters/cloud-account.ts';
import type { PushedSets } from '../../core/use-cases/pushed-weights.ts';
import type { DoctorLine, DoctorReport } from '../doctor.ts';
import { bootstrapLines, identityLines, quotaLines } from './account-lines.ts';
import { imageLines, seeCompute } from './compute-lines.ts';
import { apiLines, machineLines, weightLines, type ApiStanding } from './service-lines.ts';
import { seeStacks } from './stack-lines.ts';

/** What to look at. */
export interface AwsDoctorRequest {
  /** Name of the deployment: part of the names of its stacks. */
  readonly stage: string;
  readonly account: CloudAccount;
  /** What a models bucket holds; null for one without a manifest. */
  readonly weights: (bucket: string) => Promise<PushedSets | null>;
  readonly askApi: (url: string) => Promise<ApiStanding>;
}

/**
 * Looks, with the caller's credentials, at all that a deployment in AWS needs and says what to do about what lacks;
 * changes nothing. What a stack that is not there would tell of is left out.
 */
export async function runAwsDoctor(request: AwsDoctorRequest): Promise<DoctorReport> {
  const { stage, account } = request;
  const identity = await identityLines(account);
  if (identity.some(({ status }) => status === 'fail')) return report(identity);
  const stacks = await seeStacks(account, stage);
  const compute = await seeCompute(account, stacks.outputs);
  return report([
    ...identity,
    ...(await quotaLines(account, compute.environments)),
    ...(await bootstrapLines(account)),
    ...stacks.lines,
    ...(await imageLines(account, stacks.outputs)),
    ...compute.lines,
    ...(await serviceLines(request, stacks.outputs)),
  ]);
}

async function serviceLines(
  { account, weights, askApi }: AwsDoctorRequest,
  { ModelsBucketName, StateMachineArn, ApiUrl }: Readonly<Record<string, string>>,
): Promise<readonly DoctorLine[]> {
  const lines = await Promise.all([
    ModelsBucketName === undefined ? [] : weightLines(() => weights(ModelsBucketName)),
    StateMachineArn === undefined ? [] : machineLines(account, StateMachineArn),
    ApiUrl === undefined ? [] : apiLines(() => askApi(ApiUrl)),
  ]);
  return lines.flat();
}

const report = (lines: readonly DoctorLine[]): DoctorReport => ({
  ok: lines.every(({ status }) => status !== 'fail'),
  lines,
});
