import type { CloudAccount, EnvironmentFacts } from '../../adapters/cloud-account.ts';
import { asHpbError } from '../../core/errors.ts';
import type { DoctorLine } from '../doctor.ts';
import { fail, looked, ok, warn } from './line.ts';

/** Who asks, and in which region. When it fails, nothing else can be asked. */
export async function identityLines(account: Pick<CloudAccount, 'identity'>): Promise<readonly DoctorLine[]> {
  try {
    const { account: id, arn, region } = await account.identity();
    return [ok('Identity', `${arn}, account ${id}`), ok('Region', region)];
  } catch (thrown) {
    const { message } = asHpbError(thrown);
    if (/region/i.test(message) && !/credential/i.test(message))
      return [fail('Region', 'no region is set', 'Set AWS_REGION to the region of the deployment.')];
    return [
      fail(
        'Identity',
        message,
        'Run `aws sso login` or `aws configure`, or set AWS_PROFILE; `aws sts get-caller-identity` shows whether it worked.',
      ),
    ];
  }
}

/** Quotas of EC2 that the GPU machines count against. */
const QUOTAS = [
  { code: 'L-DB2E81BA', name: 'Quota G and VT, on demand', isSpot: false },
  { code: 'L-3819A6DF', name: 'Quota G and VT, spot', isSpot: true },
] as const;
/** vCPUs of the smallest GPU machine. */
const LEAST_VCPUS = 4;

/**
 * vCPUs that the account may run of GPU machines, against what the environments may grow to (null: not known).
 * On-demand machines are what single cases run on, so that without them nothing works.
 */
export async function quotaLines(
  account: Pick<CloudAccount, 'quota'>,
  environments: readonly EnvironmentFacts[] | null,
): Promise<readonly DoctorLine[]> {
  const lines = QUOTAS.map(async ({ code, name, isSpot }) =>
    looked({ name, permission: 'servicequotas:GetServiceQuota' }, async () => {
      const ofKind = environments?.filter((one) => one.isGpu && one.isSpot === isSpot) ?? null;
      const wanted = ofKind?.reduce((sum, { maxVcpus }) => sum + maxVcpus, 0) ?? null;
      return [quotaLine(name, { code, vcpus: await account.quota(code), wanted, isSpot })];
    }),
  );
  return (await Promise.all(lines)).flat();
}

interface QuotaFacts {
  readonly code: string;
  readonly vcpus: number | null;
  readonly wanted: number | null;
  readonly isSpot: boolean;
}

function quotaLine(name: string, { code, vcpus, wanted, isSpot }: QuotaFacts): DoctorLine {
  const ask = `Ask for more: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${code} --desired-value ${wanted ?? 64} (takes up to some days).`;
  if (vcpus === null)
    return warn(name, `AWS knows no quota ${code} here`, 'Look at Service Quotas in the console.');
  const found = wanted === null ? `${vcpus} vCPUs` : `${vcpus} vCPUs, the environments may take ${wanted}`;
  if (vcpus < LEAST_VCPUS && wanted !== 0) {
    const status = isSpot && wanted === null ? warn : fail;
    return status(name, `${found}: no GPU machine can start`, ask);
  }
  return vcpus < (wanted ?? 0) ? warn(name, `${found}: jobs will wait`, ask) : ok(name, found);
}

/** The templates refuse to deploy below it. */
const LEAST_BOOTSTRAP = 6;

/** The CDK's own stack of the account and region. */
export function bootstrapLines(account: Pick<CloudAccount, 'stack'>): Promise<readonly DoctorLine[]> {
  const name = 'CDK bootstrap';
  return looked({ name, permission: 'cloudformation:DescribeStacks' }, async () => {
    const version = (await account.stack('CDKToolkit'))?.outputs['BootstrapVersion'];
    const remedy = 'Run `npx cdk bootstrap` with credentials that may.';
    if (version === undefined) return [fail(name, 'there is no stack CDKToolkit', remedy)];
    if (Number(version) < LEAST_BOOTSTRAP)
      return [fail(name, `version ${version}, at least ${LEAST_BOOTSTRAP} is needed`, remedy)];
    return [ok(name, `version ${version}`)];
  });
}
