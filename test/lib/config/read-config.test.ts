import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HpbError } from '../../../core/errors.ts';
import { configSchema } from '../../../lib/config/deployment-config.ts';
import { PRESETS } from '../../../lib/config/presets.ts';
import { gpuShares, isPublicRange, readConfig } from '../../../lib/config/read-config.ts';

const IMAGE = `registry.example.org/hpb@sha256:${'0f'.repeat(32)}`;

function refusal(context: Readonly<Record<string, unknown>>): HpbError {
  try {
    readConfig(context);
  } catch (thrown) {
    if (thrown instanceof HpbError) return thrown;
    throw thrown;
  }
  throw new Error('It was not refused.');
}

describe('readConfig', () => {
  it('takes the preset of the stage, and prod for a stage of another name', () => {
    expect(readConfig({ stage: 'dev' })).toMatchObject({ stage: 'dev', ...PRESETS.dev });
    expect(readConfig({ stage: 'clinic' })).toMatchObject({ stage: 'clinic', ...PRESETS.prod });
    expect(readConfig({ stage: 'clinic', preset: 'dev' })).toMatchObject(PRESETS.dev);
  });

  it('lets the command line win over cdk.json, and that over the preset', () => {
    const stages = { dev: { retentionDays: 3, maxCpuInstances: 5 } };

    const config = readConfig({ stage: 'dev', stages, maxCpuInstances: '7' });

    expect(config).toMatchObject({ retentionDays: 3, maxCpuInstances: 7, maxActiveJobs: 20 });
  });

  it('reads numbers, flags and lists from the text of the command line', () => {
    const config = readConfig({
      spot: 'false',
      gpuSizes: '2xlarge, 4xlarge',
      viewerReaders: '192.0.2.0/24,2001:db8::/48,vpce-0123456789abcdef0',
      imageUri: IMAGE,
    });

    expect(config.spot).toBe(false);
    expect(config.gpuSizes).toEqual(['2xlarge', '4xlarge']);
    expect(config.viewerReaders).toHaveLength(3);
  });

  it("leaves the CDK's own context alone", () => {
    const context = { 'aws:cdk:bundling-stacks': [], '@aws-cdk/core:checkSecretUsage': true };

    expect(readConfig(context).stage).toBe('dev');
  });

  it.each([
    ['stage', 'Prod'],
    // Its job definition for cards would be that of `prod` without cards.
    ['stage', 'prod-cpu'],
    // Its buckets would be among those that whoever removes `prod` deletes.
    ['stage', 'prod-data'],
    ['stage', 'prod-data-2'],
    ['preset', 'test'],
    ['stages', 'dev'],
    ['network', 'nat'],
    ['maxGpuInstances', 'many'],
    ['maxGpuInstances', '0'],
    ['spot', 'yes'],
    ['gpuSizes', '8xlarge'],
    ['scaleDownDelayMinutes', '5'],
    ['logRetentionDays', '31'],
    ['imageUri', 'registry.example.org/hpb:latest'],
    ['alarmEmail', 'ops'],
    ['alarmWebhook', 'http://example.org/alarms'],
    ['viewerOrigins', '*'],
    ['viewerReaders', 'everybody'],
    ['costCenter', 'a\nb'],
  ])('refuses %s=%s in one sentence that names both', (name, value) => {
    const { code, message, details } = refusal({ [name]: value });

    expect(code).toBe('SETTINGS_INVALID');
    expect(details).toEqual({ name });
    expect(message).toContain(`${name}=${JSON.stringify(value)}`);
    expect(message).toMatch(/^[^\n]+\.$/);
  });

  it('refuses a property that there is none of, so that a slip of the pen is seen', () => {
    const { details, message } = refusal({ maxGpuInstance: '3' });

    expect(details).toEqual({ name: 'maxGpuInstance' });
    expect(message).toContain('no property of a deployment');
  });

  it.each([
    ['network', { network: 'existing' }],
    ['network', { network: 'existing', vpcId: 'vpc-12345678' }],
    ['network', { network: 'public', vpcId: 'vpc-12345678', subnetIds: 'subnet-12345678' }],
    ['imageUri', { stage: 'prod', imageUri: IMAGE }],
    ['bulkGpuInstances', { maxGpuInstances: 4, bulkGpuInstances: 4 }],
    ['fallbackGpuInstances', { bulkGpuInstances: 2, fallbackGpuInstances: 2 }],
    ['gpuSizes', { maxGpuInstances: 3, bulkGpuInstances: 2, gpuSizes: '4xlarge' }],
    ['gpuSizes', { gpuSizes: '' }],
    ['apiBurst', { apiRate: 50, apiBurst: 40 }],
    ['budgetUsd', { budgetUsd: 100 }],
    ['viewerReaders', { viewerReaders: '0.0.0.0/0' }],
    ['viewerReaders', { viewerReaders: '192.0.2.0/24,::/0' }],
    ['viewerReaders', { viewerReaders: '16.0.0.0/7' }],
  ])('refuses what contradicts itself at %s: %j', (name, context) => {
    const { code, message, details } = refusal(context);

    expect(code).toBe('SETTINGS_INVALID');
    expect(details).toEqual({ name });
    expect(message).toMatch(/^The configuration contradicts itself: [^\n]+\.$/);
  });

  it('refuses more folders of senders than one rule of EventBridge can name', () => {
    const sources = (count: number) => Array.from({ length: count }, (_, n) => `a-clinic-of-the-region-${n}`);

    expect(readConfig({ ingestSources: sources(30) }).ingestSources).toHaveLength(30);
    const { message, details } = refusal({ ingestSources: sources(40) });
    expect(details).toEqual({ name: 'ingestSources' });
    expect(message).toMatch(/40 folders .*2048/);
  });

  it('opens the viewer bucket to the world only when told so in words', () => {
    const open = { viewerReaders: '0.0.0.0/0', viewerOpenToTheWorld: 'true' };

    expect(readConfig(open).viewerReaders).toEqual(['0.0.0.0/0']);
  });

  it('takes each preset as it is', () => {
    for (const preset of Object.keys(PRESETS)) expect(() => readConfig({ preset })).not.toThrow();
  });
});

describe('gpuShares', () => {
  it('gives out all machines and no more, at least one of them to single cases', () => {
    for (const spot of [true, false]) {
      const config = readConfig({ preset: 'prod', maxGpuInstances: 10, bulkGpuInstances: 7, spot });

      const { reserved, spot: spotShare, fallback } = gpuShares(config);

      expect(reserved + spotShare + fallback).toBe(10);
      expect(reserved).toBe(3);
      expect(spotShare).toBe(spot ? 5 : 0);
    }
  });
});

describe('isPublicRange', () => {
  it('follows S3: wider than /8, or /32 for IPv6', () => {
    expect(['0.0.0.0/0', '16.0.0.0/7', '::/0', '2001::/31'].every(isPublicRange)).toBe(true);
    expect(['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32', 'vpce-12345678'].some(isPublicRange)).toBe(false);
  });
});

describe('configSchema', () => {
  it('says of every property what it means', () => {
    const { properties = {} } = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });

    for (const [name, field] of Object.entries(properties)) {
      expect((field as { description?: string }).description, name).toMatch(/\.$/);
    }
    expect(Object.keys(properties)).toEqual(Object.keys(configSchema.shape));
  });
});
