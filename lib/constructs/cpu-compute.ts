import { EcsMachineImageType, type JobQueue } from 'aws-cdk-lib/aws-batch';
import { InstanceType } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { StageConfig } from '../config/read-config.ts';
import { computeEnvironment, type MachineProps } from './compute-environment.ts';
import { workerQueue } from './worker-queue.ts';

export interface CpuComputeProps {
  readonly config: Pick<StageConfig, 'maxCpuInstances' | 'stuckQueueMinutes'>;
  readonly machines: MachineProps;
}

/** 4 vCPUs, 16 GiB, 237 GB of NVMe: archives and results are streamed, one case at a time on disk. */
const MACHINE = 'm6id.xlarge';
const VCPUS = 4;

/** Machines without a GPU, for what a function has neither the time nor the disk for. */
export class CpuCompute extends Construct {
  readonly queue: JobQueue;

  constructor(scope: Construct, id: string, { config, machines }: CpuComputeProps) {
    super(scope, id);
    const environment = computeEnvironment(this, 'OnDemand', {
      ...machines,
      instanceTypes: [new InstanceType(MACHINE)],
      imageType: EcsMachineImageType.ECS_AL2023,
      spot: false,
      maxVcpus: config.maxCpuInstances * VCPUS,
    });
    this.queue = workerQueue(this, 'Queue', {
      environments: [environment],
      priority: 1,
      stuckQueueMinutes: config.stuckQueueMinutes,
    });
  }
}
