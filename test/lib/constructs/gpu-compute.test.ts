import { describe, expect, it } from 'vitest';
import { SIZE_TIERS } from '../../../core/plan.ts';
import { resourceOf, resourcesOf, stacksOf, type TemplateResource } from '../../fixtures/stacks.ts';

type Compute = ReturnType<typeof stacksOf>['compute'];
const environments = (compute: Compute): Record<string, TemplateResource> =>
  resourcesOf(compute, 'AWS::Batch::ComputeEnvironment');
const environmentsOf = (compute: Compute, queue: string): readonly string[] =>
  resourceOf(compute, 'AWS::Batch::JobQueue', queue).Properties.ComputeEnvironmentOrder.map(
    (entry: { ComputeEnvironment: { 'Fn::GetAtt': [string] } }) =>
      entry.ComputeEnvironment['Fn::GetAtt'][0].replace(/[0-9A-F]{8}$/, ''),
  );
const vcpus = (compute: Compute, name: string): number =>
  resourceOf(compute, 'AWS::Batch::ComputeEnvironment', name).Properties.ComputeResources.MaxvCpus;

describe('machines with a GPU', () => {
  const { compute } = stacksOf({ preset: 'prod' });

  it('are empty while nothing waits, stay warm after a job, and carry their driver (trap 7)', () => {
    for (const [id, { Properties }] of Object.entries(environments(compute))) {
      const { ComputeResources: resources } = Properties;
      expect(resources.MinvCpus, id).toBe(0);
      expect(resources.ScalingPolicy, id).toEqual({ MinScaleDownDelayMinutes: 20 });
      expect(resources.Ec2Configuration, id).toEqual([
        { ImageType: id.startsWith('Gpu') ? 'ECS_AL2023_NVIDIA' : 'ECS_AL2023' },
      ]);
      expect(resources.InstanceTypes, id).not.toContain('optimal');
    }
  });

  it('start with the newest launch template (trap 6)', () => {
    for (const { Properties } of Object.values(environments(compute))) {
      expect(Properties.ComputeResources.LaunchTemplate.Version).toEqual({
        'Fn::GetAtt': [expect.stringMatching(/^HostTemplate/), 'LatestVersionNumber'],
      });
    }
  });

  it('are updated in place: no names, no tags that replace (trap 15)', () => {
    const all = { ...environments(compute), ...resourcesOf(compute, 'AWS::Batch::JobQueue') };
    for (const [id, { Properties }] of Object.entries(all)) {
      expect(Object.keys(Properties), id).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/Name$|^Tags$/)]),
      );
      expect(Properties.ReplaceComputeEnvironment ?? false, id).toBe(false);
      // With a role of our own Batch would not change an environment in place.
      expect(Properties.ServiceRole, id).toBeUndefined();
    }
  });

  it('run archives on spot machines first and on demand when there are none', () => {
    expect(environmentsOf(compute, 'GpuBulk')).toEqual(['GpuSpot', 'GpuOnDemand']);
    expect(
      resourceOf(compute, 'AWS::Batch::ComputeEnvironment', 'GpuSpot').Properties.ComputeResources,
    ).toMatchObject({ Type: 'SPOT', AllocationStrategy: 'SPOT_PRICE_CAPACITY_OPTIMIZED' });
  });

  it('keep an environment for single cases that archives cannot fill', () => {
    expect(environmentsOf(compute, 'GpuInteractive')).toEqual(['GpuReserved', 'GpuSpot', 'GpuOnDemand']);
    expect(environmentsOf(compute, 'GpuBulk')).not.toContain('GpuReserved');
    // The largest case fits beside a full load of archives.
    expect(vcpus(compute, 'GpuReserved')).toBeGreaterThanOrEqual(
      Math.max(...SIZE_TIERS.map((tier) => tier.vcpus)),
    );
  });

  it('are never more than maxGpuInstances together', () => {
    for (const properties of [{}, { spot: false }, { maxGpuInstances: 20, bulkGpuInstances: 12 }]) {
      const { compute: sized } = stacksOf({ preset: 'prod', ...properties });
      const sum = Object.entries(environments(sized))
        .filter(([id]) => id.startsWith('Gpu'))
        .reduce((all, [, { Properties }]) => all + Properties.ComputeResources.MaxvCpus, 0);

      expect(sum).toBe(8 * ('maxGpuInstances' in properties ? 20 : 8));
    }
  });

  it('are on demand only without spot', () => {
    const { compute: onDemand } = stacksOf({ preset: 'prod', spot: false });

    expect(environmentsOf(onDemand, 'GpuBulk')).toEqual(['GpuOnDemand']);
    expect(environmentsOf(onDemand, 'GpuInteractive')).toEqual(['GpuReserved', 'GpuOnDemand']);
  });

  it('are tagged themselves, for whoever pays', () => {
    const { compute: tagged } = stacksOf({ costCenter: '4711' });

    for (const { Properties } of Object.values(environments(tagged))) {
      expect(Properties.ComputeResources.Tags).toEqual({
        App: 'hpb-segmentation',
        Stage: 'dev',
        CostCenter: '4711',
      });
    }
  });
});

describe('queues', () => {
  const { compute } = stacksOf({ stuckQueueMinutes: 30 });
  const queues = Object.entries(resourcesOf(compute, 'AWS::Batch::JobQueue'));

  it('take jobs first in, first out, single cases before archives (trap 5)', () => {
    const priority = (id: string): number =>
      resourceOf(compute, 'AWS::Batch::JobQueue', id).Properties.Priority;

    expect(queues.every(([, { Properties }]) => Properties.SchedulingPolicyArn === undefined)).toBe(true);
    expect(priority('GpuInteractive')).toBeGreaterThan(priority('GpuBulk'));
  });

  it('cancel a job that no machine can be had for, whatever the reason', () => {
    for (const [id, { Properties }] of queues) {
      const actions: readonly Record<string, unknown>[] = Properties.JobStateTimeLimitActions;
      expect(actions, id).toHaveLength(3);
      expect(new Set(actions.map(({ Reason }) => Reason)), id).toHaveLength(3);
      for (const action of actions) {
        expect(action).toMatchObject({ Action: 'CANCEL', State: 'RUNNABLE', MaxTimeSeconds: 1_800 });
      }
    }
  });
});
