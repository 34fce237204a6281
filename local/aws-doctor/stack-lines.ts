import type { CloudAccount, StackFacts } from '../../adapters/cloud-account.ts';
import type { DoctorLine } from '../doctor.ts';
import { fail, looked, ok, warn } from './line.ts';

/** What stands after `Hpb-<stage>-`, in the order in which they deploy. */
const PARTS = ['Data', 'Compute', 'Service'] as const;

/** The stacks of a deployment, and all that their outputs tell. */
export interface StacksSeen {
  readonly lines: readonly DoctorLine[];
  readonly outputs: Readonly<Record<string, string>>;
}

/** Looks at the three stacks of a stage. */
export async function seeStacks(account: Pick<CloudAccount, 'stack'>, stage: string): Promise<StacksSeen> {
  const outputs: Record<string, string> = {};
  const lines: DoctorLine[] = [];
  for (const part of PARTS) {
    const stackName = `Hpb-${stage}-${part}`;
    const name = `Stack ${stackName}`;
    const seen = await looked({ name, permission: 'cloudformation:DescribeStacks' }, async () => {
      const stack = await account.stack(stackName);
      Object.assign(outputs, stack?.outputs);
      return [stackLine(name, stack, stage)];
    });
    lines.push(...seen);
  }
  return { lines, outputs };
}

function stackLine(name: string, stack: StackFacts | null, stage: string): DoctorLine {
  const deploy = `npx cdk deploy --all -c stage=${stage}`;
  if (stack === null)
    return fail(name, 'is not there', `Deploy it (${deploy}), or name another stage with --stage.`);
  const { status, reason } = stack;
  const found = reason === null ? status : `${status}: ${reason}`;
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return ok(name, status);
  if (status === 'UPDATE_ROLLBACK_COMPLETE')
    return warn(
      name,
      `${found}: the last deployment was undone`,
      `Look at its events, mend the cause, deploy again (${deploy}).`,
    );
  if (status.endsWith('_IN_PROGRESS')) return warn(name, found, 'Wait until it is done, then look again.');
  return fail(
    name,
    found,
    'Look at the events of the stack in the console of CloudFormation: the first failed one tells why.',
  );
}
