import { Stack } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Port,
  SecurityGroup,
  Subnet,
  SubnetType,
  Vpc,
  type ISubnet,
  type IVpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { StageConfig } from '../config/read-config.ts';
import { acknowledge } from './acknowledge.ts';

export interface NetworkProps {
  readonly config: Pick<StageConfig, 'network' | 'vpcId' | 'subnetIds' | 'signingKeyArn'>;
  /** Of who talked to whom; not used for an existing VPC, which has its own. */
  readonly flowLogs: ILogGroup;
}

/** What workers call; each costs an interface in every zone. S3, which carries the data, has a free gateway. */
export const ENDPOINTS = {
  Ecs: InterfaceVpcEndpointAwsService.ECS,
  EcsAgent: InterfaceVpcEndpointAwsService.ECS_AGENT,
  EcsTelemetry: InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
  EcrApi: InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Metrics: InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
} as const;

/** Where workers run, and the group that lets nothing in. */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  /** Of workers: out only. */
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { network, subnetIds } = props.config;
    if (network === 'existing') {
      this.vpc = this.#existing(props.config);
      this.subnets = { subnets: subnetIds.map((subnetId) => this.#subnet(subnetId)) };
      this.securityGroup = this.#workers();
      return;
    }
    const subnetType = network === 'public' ? SubnetType.PUBLIC : SubnetType.PRIVATE_ISOLATED;
    const own = this.#own(subnetType, props.flowLogs);
    // The class of the CDK has optional properties where its interface has none under our strictness.
    this.vpc = own as IVpc;
    this.subnets = { subnetType };
    this.securityGroup = this.#workers();
    if (network === 'isolated') this.#addEndpoints(own, props.config);
  }

  #workers(): SecurityGroup {
    return new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Workers: nothing comes in',
      allowAllOutbound: true,
    });
  }

  /** By its attributes: a look-up would need credentials at synth. */
  #existing({ vpcId }: NetworkProps['config']): IVpc {
    const { availabilityZones } = Stack.of(this);
    return Vpc.fromVpcAttributes(this, 'Vpc', { vpcId: vpcId!, availabilityZones });
  }

  #subnet(subnetId: string): ISubnet {
    const subnet = Subnet.fromSubnetId(this, subnetId, subnetId);
    acknowledge(subnet, {
      'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId':
        'Nothing here changes the routes of an existing network.',
    });
    return subnet;
  }

  #own(subnetType: SubnetType, flowLogs: ILogGroup): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.84.0.0/20'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'workers', subnetType, cidrMask: 24 }],
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      // Would be a custom resource with a Lambda; nothing here uses the default group.
      restrictDefaultSecurityGroup: false,
    });
    const log = vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(flowLogs),
      trafficType: FlowLogTrafficType.REJECT,
    });
    acknowledge(log, {
      'HIPAA.Security-IAMNoInlinePolicy':
        'A policy for one log group that belongs to one role and goes with it.',
    });
    acknowledge(vpc, {
      'HIPAA.Security-VPCDefaultSecurityGroupClosed':
        'Closing it takes a custom resource with a Lambda; no machine and no endpoint is in it.',
    });
    if (subnetType === SubnetType.PUBLIC) {
      const reason =
        'network=public is for evaluation, without NAT and its cost; no group lets anything in. For patient data: isolated.';
      acknowledge(vpc, {
        'HIPAA.Security-VPCSubnetAutoAssignPublicIpDisabled': reason,
        'HIPAA.Security-VPCNoUnrestrictedRouteToIGW': reason,
      });
    }
    return vpc;
  }

  #addEndpoints(vpc: Vpc, { signingKeyArn }: NetworkProps['config']): void {
    const group = new SecurityGroup(this, 'Endpoints', {
      vpc: this.vpc,
      description: 'Endpoints: HTTPS from workers',
      allowAllOutbound: false,
    });
    group.addIngressRule(this.securityGroup, Port.HTTPS, 'workers');
    // S3 speaks to the key of the buckets itself; only receipts make a worker call KMS.
    const signing = signingKeyArn === undefined ? {} : { Kms: InterfaceVpcEndpointAwsService.KMS };
    for (const [name, service] of Object.entries({ ...ENDPOINTS, ...signing })) {
      vpc.addInterfaceEndpoint(name, { service, securityGroups: [group], open: false });
    }
  }
}
