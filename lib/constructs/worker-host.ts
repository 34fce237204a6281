import { Aws } from 'aws-cdk-lib';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  LaunchTemplate,
  MultipartBody,
  MultipartUserData,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal, type IRole } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { HOST_FOLDERS, WORKER_USER } from './worker-mounts.ts';

export interface WorkerHostProps {
  /** Key of the root volume. */
  readonly key: IKey;
}

/** Root volume of a machine, GiB; images and scratch lie on its NVMe disk. */
const ROOT_GIB = 60;
/** From SIGTERM to SIGKILL: a spot machine has two minutes. */
const STOP_SECONDS = 110;

/** How a machine of a compute environment comes up: template and role. */
export class WorkerHost extends Construct {
  readonly launchTemplate: LaunchTemplate;
  readonly role: IRole;

  constructor(scope: Construct, id: string, { key }: WorkerHostProps) {
    super(scope, id);
    this.launchTemplate = new LaunchTemplate(this, 'Template', {
      userData: userData(),
      requireImdsv2: true,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(ROOT_GIB, {
            volumeType: EbsDeviceVolumeType.GP3,
            encrypted: true,
            kmsKey: key,
            deleteOnTermination: true,
          }),
        },
      ],
    });
    this.role = this.#role();
  }

  /** What the ECS agent calls, no more: containers share the machine's network and could ask for this role. */
  #role(): Role {
    const policy = new ManagedPolicy(this, 'AgentPolicy', {
      description: 'What the ECS agent of a worker machine calls',
      statements: [
        new PolicyStatement({ actions: ['ecs:DiscoverPollEndpoint', 'ec2:DescribeTags'], resources: ['*'] }),
        new PolicyStatement({
          actions: [
            'ecs:DeregisterContainerInstance',
            'ecs:Poll',
            'ecs:RegisterContainerInstance',
            'ecs:StartTelemetrySession',
            'ecs:SubmitAttachmentStateChanges',
            'ecs:SubmitContainerStateChange',
            'ecs:SubmitTaskStateChange',
            'ecs:TagResource',
            'ecs:UpdateContainerInstancesState',
          ],
          resources: ['cluster', 'container-instance'].map(
            (kind) => `arn:${Aws.PARTITION}:ecs:${Aws.REGION}:${Aws.ACCOUNT_ID}:${kind}/*`,
          ),
        }),
      ],
    });
    const role = new Role(this, 'Role', {
      description: 'Machines of workers: the ECS agent',
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [policy],
    });
    acknowledge(policy, {
      'AwsSolutions-IAM5[Resource::*]': 'These two actions know no resources.',
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:cluster/*]':
        'AWS Batch makes and names the cluster of each compute environment.',
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:container-instance/*]':
        'AWS Batch makes and names the cluster of each compute environment.',
    });
    return role;
  }
}

/** Batch takes MIME parts only, and adds its own. */
function userData(): MultipartUserData {
  const parts = new MultipartUserData();
  parts.addPart(
    MultipartBody.fromUserData(UserData.custom(BEFORE_DOCKER), 'text/cloud-boothook; charset="us-ascii"'),
  );
  const agent = UserData.forLinux();
  agent.addCommands(
    // Batch's own settings would clear images away every ten minutes.
    'echo ECS_IMAGE_PULL_BEHAVIOR=prefer-cached >> /etc/ecs/ecs.config',
    `echo ECS_CONTAINER_STOP_TIMEOUT=${STOP_SECONDS}s >> /etc/ecs/ecs.config`,
  );
  parts.addPart(MultipartBody.fromUserData(agent));
  return parts;
}

/** Images, weights and scratch on the machine's own disk: before Docker starts, at every boot, once for each disk. */
const BEFORE_DOCKER = `#cloud-boothook
#!/bin/bash
DISK=$(lsblk -dno NAME,MODEL | awk '/Instance Storage/{print "/dev/"$1; exit}')
if [ -n "$DISK" ] && ! mountpoint -q /mnt/nvme; then
  mkfs.xfs -f "$DISK" && mkdir -p /mnt/nvme && mount -o noatime "$DISK" /mnt/nvme
  mkdir -p /mnt/nvme/docker /var/lib/docker && mount --bind /mnt/nvme/docker /var/lib/docker
fi
install -d -m 0700 -o ${WORKER_USER} -g ${WORKER_USER} ${HOST_FOLDERS.join(' ')}
`;
