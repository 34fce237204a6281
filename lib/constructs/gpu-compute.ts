import { EcsMachineImageType, type JobQueue } from 'aws-cdk-lib/aws-batch';
import { InstanceType } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { VCPUS_PER_SLOT } from '../config/deployment-config.ts';
import { gpuShares, type StageConfig } from '../config/read-config.ts';
import { computeEnvironment, type MachineProps } from './compute-environment.ts';
import { workerQueue } from './worker-queue.ts';

export interface GpuComputeProps {
  readonly config: StageConfig;
  readonly machines: MachineProps;
}

/**
 * Machines with a T4 GPU. Single cases have environments that archives cannot use, so that they find a machine at
 * once, and may use the others as well: a priority alone would stop no archive that already runs.
 */
export class GpuCompute extends Construct {
  readonly interactiveQueue: JobQueue;
  readonly bulkQueue: JobQueue;

  constructor(scope: Construct, id: string, { config, machines }: GpuComputeProps) {
    super(scope, id);
    const { gpuSizes, stuckQueueMinutes } = config;
    const shares = gpuShares(config);
    const instanceTypes = gpuSizes.map((size) => new InstanceType(`g4dn.${size}`));
    const environment = (name: string, spot: boolean, instances: number) =>
      computeEnvironment(this, name, {
        ...machines,
        instanceTypes,
        // The default has no driver of the card; Batch starts no environments on Amazon Linux 2 any more.
        imageType: EcsMachineImageType.ECS_AL2023_NVIDIA,
        spot,
        maxVcpus: instances * VCPUS_PER_SLOT,
      });
    const reserved = environment('Reserved', false, shares.reserved);
    const shared = [
      ...(shares.spot > 0 ? [environment('Spot', true, shares.spot)] : []),
      ...(shares.fallback > 0 ? [environment('OnDemand', false, shares.fallback)] : []),
    ];
    this.interactiveQueue = workerQueue(this, 'Interactive', {
      environments: [reserved, ...shared],
      priority: 10,
      stuckQueueMinutes,
    });
    this.bulkQueue = workerQueue(this, 'Bulk', { environments: shared, priority: 1, stuckQueueMinutes });
  }
}
