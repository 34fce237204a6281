import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AccessLogFormat,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { StageConfig } from '../config/read-config.ts';
import { acknowledge } from './acknowledge.ts';
import { Firewall } from './firewall.ts';
import { addGatewayProblems } from './gateway-problems.ts';
import type { HandlerFunction } from './handler-function.ts';

export interface ApiProps {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly handler: HandlerFunction;
}

/** What a line of the access log says: who called and how it ended; no path, no query, no body. */
const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTime',
  caller: '$context.identity.userArn',
  address: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  resource: '$context.resourcePath',
  status: '$context.status',
  error: '$context.error.responseType',
  milliseconds: '$context.responseLatency',
  bytes: '$context.responseLength',
});

/** The API: regional, signed calls only (SigV4), throttled; one function answers all of it. */
export class Api extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    const { config, key } = props;
    this.api = this.#api(props);
    const integration = new LambdaIntegration(props.handler, { allowTestInvoke: false });
    this.api.root.addMethod('ANY', integration);
    this.api.root.addProxy({ defaultIntegration: integration, anyMethod: true });
    addGatewayProblems(this.api);
    const { deploymentStage: stage } = this.api;
    stage.node.addDependency(this.#ownLog(props));
    const { stageArn } = stage;
    if (config.waf) new Firewall(this, 'Firewall', { config, key, stageArn });
    this.#acknowledge(config.waf);
  }

  #api({ config, key }: ApiProps): RestApi {
    const accessLogs = new LogGroup(this, 'AccessLogs', {
      encryptionKey: key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    return new RestApi(this, 'Api', {
      restApiName: `hpb-${config.stage}`,
      description: 'HPB segmentation: uploads, jobs, results',
      endpointTypes: [EndpointType.REGIONAL],
      // Of the account: without it no stage of any API logs.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      deployOptions: {
        stageName: config.stage,
        throttlingRateLimit: config.apiRate,
        throttlingBurstLimit: config.apiBurst,
        tracingEnabled: true,
        metricsEnabled: true,
        loggingLevel: MethodLoggingLevel.ERROR,
        dataTraceEnabled: false,
        accessLogDestination: new LogGroupLogDestination(accessLogs),
        accessLogFormat: AccessLogFormat.custom(ACCESS_LOG),
      },
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
    });
  }

  /** API Gateway logs its own faults to a group of this name; one that it makes itself has neither key nor retention. */
  #ownLog({ config, key }: ApiProps): LogGroup {
    return new LogGroup(this, 'GatewayLogs', {
      logGroupName: `API-Gateway-Execution-Logs_${this.api.restApiId}/${config.stage}`,
      encryptionKey: key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  #acknowledge(hasFirewall: boolean): void {
    acknowledge(this.api, {
      'AwsSolutions-APIG2':
        'The function validates every request against the schemas of the OpenAPI document.',
      'AwsSolutions-COG4': 'Callers are roles of AWS: every call is signed (SigV4), and no user logs in.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]':
        'The role by which API Gateway logs for the whole account; AWS keeps its policy.',
      'HIPAA.Security-APIGWCacheEnabledAndEncrypted':
        'Nothing is cached: answers are about one caller and change.',
      'HIPAA.Security-APIGWSSLEnabled':
        'There is no backend that could ask for a client certificate: it is a function.',
      ...(hasFirewall
        ? {}
        : {
            'AwsSolutions-APIG3':
              'waf=false: only signed calls reach the function; a firewall is a choice (docs/reference/deployment-config.md).',
          }),
    });
  }
}
