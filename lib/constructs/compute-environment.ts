import { Duration } from 'aws-cdk-lib';
import {
  ManagedEc2EcsComputeEnvironment,
  type CfnComputeEnvironment,
  type EcsMachineImageType,
} from 'aws-cdk-lib/aws-batch';
import type { InstanceType } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { Network } from './network.ts';
import type { WorkerHost } from './worker-host.ts';

/** What the machines of all environments share. */
export interface MachineProps {
  readonly network: Network;
  readonly host: WorkerHost;
  readonly scaleDownDelayMinutes: number;
  /** Of the machines: who pays. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface EnvironmentProps extends MachineProps {
  readonly instanceTypes: readonly InstanceType[];
  readonly imageType: EcsMachineImageType;
  readonly spot: boolean;
  readonly maxVcpus: number;
}

/** A compute environment that is empty while nothing waits. CloudFormation names it: a name would stop replacement. */
export function computeEnvironment(
  scope: Construct,
  id: string,
  props: EnvironmentProps,
): ManagedEc2EcsComputeEnvironment {
  const { network, host, spot, imageType, maxVcpus, scaleDownDelayMinutes, tags } = props;
  const environment = new ManagedEc2EcsComputeEnvironment(scope, id, {
    vpc: network.vpc,
    vpcSubnets: network.subnets,
    securityGroups: [network.securityGroup],
    spot,
    instanceTypes: [...props.instanceTypes],
    // Else Batch adds types of its own choice.
    useOptimalInstanceClasses: false,
    images: [{ imageType }],
    minvCpus: 0,
    maxvCpus: maxVcpus,
    launchTemplate: host.launchTemplate,
    instanceRole: host.role,
    updateTimeout: Duration.hours(1),
    terminateOnUpdate: false,
  });
  const resource = environment.node.defaultChild as CfnComputeEnvironment;
  // Without a version Batch takes the first one for ever.
  resource.addPropertyOverride(
    'ComputeResources.LaunchTemplate.Version',
    host.launchTemplate.latestVersionNumber,
  );
  resource.addPropertyOverride(
    'ComputeResources.ScalingPolicy.MinScaleDownDelayMinutes',
    scaleDownDelayMinutes,
  );
  resource.addPropertyOverride('ComputeResources.Tags', tags);
  return environment;
}
