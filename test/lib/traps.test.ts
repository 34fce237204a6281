import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resourcesOf, ROOT, stacksOf } from '../fixtures/stacks.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Row {
  readonly trap: number;
  readonly file: string;
  readonly title: string;
}

/** The rows of docs/aws-traps.md with the check that each names. */
const ROWS: readonly Row[] = read('docs/aws-traps.md')
  .split('\n')
  .flatMap((line) => {
    const [, trap, file, title] = /^\| (\d+) .*\| `([^`]+)` "([^"]+)" *\|$/.exec(line) ?? [];
    return trap === undefined ? [] : [{ trap: Number(trap), file: file!, title: title! }];
  });

/** What a call of a state needs of the role; a definition that is a file brings nothing. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'lambda:invoke': ['lambda:InvokeFunction'],
  'batch:submitJob.sync': [
    'batch:SubmitJob',
    'batch:DescribeJobs',
    'batch:TerminateJob',
    'events:PutTargets',
    'events:PutRule',
    'events:DescribeRule',
  ],
  's3:getObject': ['s3:GetObject'],
};

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

function workflowStatements(): readonly Statement[] {
  const { service } = stacksOf();
  return Object.entries(resourcesOf(service, 'AWS::IAM::ManagedPolicy'))
    .filter(([id]) => id.startsWith('Workflow'))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as readonly Statement[]);
}

describe('the traps of AWS', () => {
  it('are listed, each with its check', () => {
    expect(ROWS.map(({ trap }) => trap)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  });

  it.each(ROWS)('trap $trap is looked at by $file', ({ file, title }) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
    expect(read(file)).toContain(title);
  });

  it('pins the command of the CDK below the stray version 3', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const installed = JSON.parse(read('node_modules/aws-cdk/package.json')) as { version: string };

    expect(devDependencies['aws-cdk']).toMatch(/^2\.\d+\.\d+$/);
    expect(installed.version).toBe(devDependencies['aws-cdk']);
  });

  it('lets the workflow read the plan under our key', () => {
    const actions = workflowStatements()
      .filter(({ Resource }) => JSON.stringify(Resource).includes('FnGetAttKey'))
      .flatMap(({ Action }) => Action);

    expect(actions).toContain('kms:Decrypt');
  });

  it('lets the workflow do what the states of its file call', () => {
    const actions = workflowStatements().flatMap(({ Action }) => Action);
    const called = new Set(
      [...read('core/workflow.asl.json').matchAll(/:states:::([\w:.]+)"/g)].map(([, name]) => name!),
    );

    expect([...called].sort()).toEqual(Object.keys(NEEDS).sort());
    for (const name of called) expect(actions, name).toEqual(expect.arrayContaining([...NEEDS[name]!]));
    expect(actions, 'its own Distributed Map').toContain('states:StartExecution');
  });
});
