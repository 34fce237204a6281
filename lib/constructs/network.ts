import { Stack } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  Subnet,
  SubnetType,
  Vpc,
  type ISecurityGroup,
  type IVpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { StageConfig } from '../config/read-config.ts';
import { acknowledge } from './acknowledge.ts';

export interface NetworkProps {
  readonly config: Pick<StageConfig, 'network' | 'vpcId' | 'subnetIds'>;
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
  Events: InterfaceVpcEndpointAwsService.EVENTBRIDGE,
} as const;

/** Where workers run, and the group that lets nothing in. */
export class Network extends Construct {
  /** `IVpc`: a VPC of ours, or one that was there. */
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  /** Of workers: out only. */
  readonly securityGroup: ISecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { network } = props.config;
    if (network === 'existing') {
      this.vpc = this.#existing(props.config);
      this.subnets = {
        subnets: props.config.subnetIds.map((subnetId) => Subnet.fromSubnetId(this, subnetId, subnetId)),
      };
    } else {
      const subnetType = network === 'public' ? SubnetType.PUBLIC : SubnetType.PRIVATE_ISOLATED;
      // The class of the CDK has optional properties where its interface has none under our strictness.
      this.vpc = this.#own(subnetType, props.flowLogs) as IVpc;
      this.subnets = { subnetType };
    }
    this.securityGroup = new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Workers: nothing comes in',
      allowAllOutbound: true,
    });
  }

  /** By its attributes: a look-up would need credentials at synth. */
  #existing({ vpcId, subnetIds }: NetworkProps['config']): IVpc {
    return Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId: vpcId!,
      availabilityZones: Stack.of(this).availabilityZones.slice(0, 1),
      privateSubnetIds: subnetIds.slice(0, 1),
    });
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
    vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(flowLogs),
      trafficType: FlowLogTrafficType.REJECT,
    });
    acknowledge(vpc, {
      'HIPAA.Security-VPCDefaultSecurityGroupClosed':
        'Closing it takes a custom resource with a Lambda; no machine or endpoint of ours uses it.',
      'HIPAA.Security-IAMNoInlinePolicy':
        'The flow log writes to one log group: a policy that belongs to one role.',
    });
    if (subnetType === SubnetType.PUBLIC) {
      acknowledge(vpc, {
        'HIPAA.Security-VPCSubnetAutoAssignPublicIp':
          'network=public is for evaluation without patient data; no security group lets anything in. Choose isolated for PHI.',
        'HIPAA.Security-VPCNoUnrestrictedRouteToIGW':
          'network=public is for evaluation without patient data; no security group lets anything in. Choose isolated for PHI.',
      });
    } else {
      this.#addEndpoints(vpc);
    }
    return vpc;
  }

  #addEndpoints(vpc: Vpc): void {
    const group = new SecurityGroup(this, 'Endpoints', {
      vpc: vpc as IVpc,
      description: 'Endpoints: HTTPS from workers',
      allowAllOutbound: false,
    });
    group.addIngressRule(Peer.ipv4(vpc.vpcCidrBlock), Port.HTTPS, 'workers');
    for (const [name, service] of Object.entries(ENDPOINTS)) {
      vpc.addInterfaceEndpoint(name, { service, securityGroups: [group], open: false });
    }
  }
}
