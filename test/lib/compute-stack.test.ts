import { ServicePrincipal, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it, vi } from 'vitest';
import { resourceOf, stacksOf } from '../fixtures/stacks.ts';

interface Statement {
  readonly Sid?: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

describe('grantRun', () => {
  const { compute } = stacksOf();
  // A role would have to answer for its wildcards at synth.
  const runner = new ServicePrincipal('states.amazonaws.com');
  const granted: PolicyStatement[] = [];
  vi.spyOn(runner, 'addToPrincipalPolicy').mockImplementation((statement) => {
    granted.push(statement);
    return { statementAdded: true, policyDependable: compute };
  });
  compute.grantRun(runner);
  const statements = compute.resolve(granted.map((statement) => statement.toJSON())) as readonly Statement[];
  const of = (action: string): Statement | undefined =>
    statements.find(({ Action }) => [Action].flat().includes(action));

  it('lets start workers on our queues by our definitions, of any revision, and no others', () => {
    const text = JSON.stringify(of('batch:SubmitJob')?.Resource);

    expect(text.match(/"Gpu(Interactive|Bulk)|"CpuQueue/g)).toHaveLength(3);
    expect(text.match(/job-definition\/hpb-dev-(cpu-)?worker(:\*)?"/g)).toHaveLength(4);
    expect(text).not.toContain('"*"');
  });

  it('lets stop and look at them: a stopped execution must not leave its worker running (trap 4)', () => {
    expect(of('batch:DescribeJobs')?.Resource).toBe('*');
    expect(JSON.stringify(of('batch:TerminateJob')?.Resource)).toContain(':job/*');
  });
});

describe('what a worker may do', () => {
  const { compute } = stacksOf();
  const statements: readonly Statement[] = resourceOf(compute, 'AWS::IAM::ManagedPolicy', 'WorkerRolePolicy')
    .Properties.PolicyDocument.Statement;
  const actions = (bucket: string): readonly string[] =>
    statements
      .filter(({ Resource }) => JSON.stringify(Resource).includes(bucket))
      .flatMap(({ Action }) => Action)
      .sort();

  it('is to work on jobs, and to read uploads', () => {
    const all = ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:PutObject'];
    expect(actions('/jobs/*')).toEqual(all);
    expect(actions('/uploads/*')).toEqual(['s3:GetObject']);
    expect(actions('JobsBucket')).toEqual([...all, 's3:GetObject', 's3:ListBucket'].sort());
  });

  it('is to read weights and write none', () => {
    expect(actions('ModelsBucket')).toEqual(['s3:GetObject', 's3:ListBucket']);
  });

  it('is nothing with what is published', () => {
    expect(actions('ViewerBucket')).toEqual([]);
  });

  it('is to sign receipts only with the key that the deployment names', () => {
    const signingKeyArn = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
    const signing = stacksOf({ signingKeyArn }).compute;
    const { Statement } = resourceOf(signing, 'AWS::IAM::ManagedPolicy', 'WorkerRole').Properties
      .PolicyDocument;

    expect(statements.filter(({ Sid }) => Sid === 'Receipts')).toEqual([]);
    expect(Statement.filter(({ Sid }: { Sid?: string }) => Sid === 'Receipts')).toEqual([
      {
        Sid: 'Receipts',
        Effect: 'Allow',
        Action: ['kms:GetPublicKey', 'kms:Sign'],
        Resource: signingKeyArn,
      },
    ]);
  });

  it('is nothing at all with what was dropped, or with other workers', () => {
    expect(actions('IngestBucket')).toEqual([]);
    const all = statements.flatMap(({ Action }) => Action);
    expect(all.filter((action) => /^(batch|states|iam|ecs|lambda):/.test(action))).toEqual([]);
  });

  it('is to tell figures of our namespace only', () => {
    const [metrics] = statements.filter(({ Sid }) => Sid === 'Metrics');

    expect(metrics?.Condition).toEqual({ StringEquals: { 'cloudwatch:namespace': 'HpbSegmentation/dev' } });
  });

  it('has no wildcard resource but that of PutMetricData', () => {
    const wild = statements.filter(({ Resource }) => Resource === '*');

    expect(wild.map(({ Action }) => Action)).toEqual(['cloudwatch:PutMetricData']);
  });
});

describe('tags', () => {
  it('stand on what costs, and on no queue or environment, which another tag would replace (trap 15)', () => {
    const { data, compute } = stacksOf({ costCenter: '4711' });
    const told = { Key: 'CostCenter', Value: '4711' };

    expect(resourceOf(data, 'AWS::S3::Bucket', 'JobsBucket').Properties.Tags).toContainEqual(told);
    expect(
      resourceOf(compute, 'AWS::Batch::JobDefinition', 'WorkerDefinition').Properties.Tags,
    ).toMatchObject({
      CostCenter: '4711',
    });
    expect(resourceOf(compute, 'AWS::Batch::JobQueue', 'GpuBulk').Properties.Tags).toBeUndefined();
  });
});
