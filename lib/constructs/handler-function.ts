import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
  type CfnFunction,
  type Code,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type ILogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { DeploymentName } from '../../core/deployment.ts';
import type { FunctionName } from '../../core/monitoring/alarm-spec.ts';
import type { Settings } from '../../core/settings.ts';
import type { StageConfig } from '../config/read-config.ts';
import { acknowledge } from './acknowledge.ts';

/** What all functions of a deployment share. */
export interface FunctionHome {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly code: Code;
}

export interface HandlerFunctionProps {
  readonly home: FunctionHome;
  /** Its file in lambdas/. */
  readonly name: FunctionName;
  readonly description: string;
  readonly environment: Readonly<Partial<Record<DeploymentName | keyof Settings, string>>>;
  readonly memoryMib: number;
  readonly timeoutSeconds: number;
  /** Size of /tmp. Default: 512. */
  readonly scratchMib?: number;
  /** All that it may do, but logging and tracing. */
  readonly statements: readonly PolicyStatement[];
  /** Why each wildcard in them is needed: finding of cdk-nag -> reason. */
  readonly wildcards?: Readonly<Record<string, string>>;
  /** Where events go that it could not take. Only for functions that are called asynchronously. */
  readonly deadLetters?: IQueue;
}

/**
 * A function of lambdas/: Node 24 on ARM, logs under our key, traced. Its policy is the list it is given and nothing
 * that the CDK adds, so that a test can hold it against what was reviewed.
 */
export class HandlerFunction extends LambdaFunction {
  readonly logs: ILogGroup;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    const { home, deadLetters } = props;
    const logs = new LogGroup(scope, `${id}Logs`, {
      encryptionKey: home.key,
      retention: home.config.logRetentionDays as RetentionDays,
      removalPolicy: home.config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    super(scope, id, {
      description: props.description,
      code: home.code,
      handler: `${props.name}.handler`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMib,
      timeout: Duration.seconds(props.timeoutSeconds),
      ephemeralStorageSize: Size.mebibytes(props.scratchMib ?? 512),
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      role: functionRole(scope, id, props, logs).withoutPolicyUpdates(),
      tracing: Tracing.ACTIVE,
      logGroup: logs,
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      ...(deadLetters === undefined ? {} : { deadLetterQueue: deadLetters, retryAttempts: 2 }),
    });
    this.logs = logs;
    // On its role, whose ARN it names anyway.
    (this.node.defaultChild as CfnFunction).addDeletionOverride('DependsOn');
    acknowledge(this, {
      'HIPAA.Security-LambdaConcurrency':
        'The API is throttled at its stage, the others by the queue and the workflow; reserved concurrency would take from an account that may have only ten.',
      'HIPAA.Security-LambdaInsideVPC':
        'It calls services of AWS only, and none of ours has an address in a network.',
      ...(deadLetters === undefined
        ? {
            'HIPAA.Security-LambdaDLQ':
              'It is called synchronously, or by a queue with dead letters of its own.',
          }
        : {}),
    });
  }
}

function functionRole(scope: Construct, id: string, props: HandlerFunctionProps, logs: LogGroup): Role {
  const role = new Role(scope, `${id}Role`, {
    description: props.description,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
  const policy = new ManagedPolicy(scope, `${id}Policy`, {
    description: `What ${props.name} may do`,
    statements: [...props.statements, ...runtimeStatements(logs, props.deadLetters)],
  });
  role.addManagedPolicy(policy);
  acknowledge(policy, {
    'AwsSolutions-IAM5[Resource::*]':
      'X-Ray, PutMetricData and the reading calls of Batch know no resources; metrics are bound to our namespace.',
    ...props.wildcards,
  });
  return role;
}

function runtimeStatements(logs: LogGroup, deadLetters?: IQueue): readonly PolicyStatement[] {
  return [
    new PolicyStatement({
      sid: 'OwnLogs',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logs.logGroupArn],
    }),
    new PolicyStatement({
      sid: 'Traces',
      actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
      resources: ['*'],
    }),
    ...(deadLetters === undefined
      ? []
      : [
          new PolicyStatement({
            sid: 'DeadLetters',
            actions: ['sqs:SendMessage'],
            resources: [deadLetters.queueArn],
          }),
        ]),
  ];
}
