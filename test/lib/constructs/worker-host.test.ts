import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOST_FOLDERS } from '../../../lib/constructs/worker-mounts.ts';
import { resourceOf, stacksOf } from '../../fixtures/stacks.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const { compute } = stacksOf();
const template = resourceOf(compute, 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData;
const parts: readonly (string | { readonly 'Fn::Base64': string })[] =
  template.UserData['Fn::Base64']['Fn::Join'][1];
const scripts = parts.flatMap((part) => (typeof part === 'string' ? [] : [part['Fn::Base64']]));

/** Runs the part that comes before Docker with stand-ins that write down how they were called. */
function boot(folder: string, lsblk: string, mounted: boolean): readonly string[] {
  const bin = join(folder, 'bin');
  const calls = join(folder, 'calls');
  mkdirSync(bin);
  const standIn = (name: string, body: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  for (const name of ['mkfs.xfs', 'mkdir', 'mount', 'install']) {
    standIn(name, `echo ${name} "$@" >> ${calls}`);
  }
  standIn('lsblk', `cat <<'END'\n${lsblk}\nEND`);
  standIn('mountpoint', `exit ${mounted ? 0 : 1}`);
  const script = scripts[0]!.replace(/^#cloud-boothook\n/, '');
  execFileSync('/bin/bash', ['--norc', '-e', '-c', script], {
    stdio: 'ignore',
    env: { PATH: [bin, '/usr/bin', '/bin'].join(delimiter) },
  });
  return existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
}

const WITH_NVME = 'nvme0n1 Amazon Elastic Block Store\nnvme1n1 Amazon EC2 NVMe Instance Storage';

describe('a machine of workers', () => {
  it('answers metadata only to those who hold a token', () => {
    expect(template.MetadataOptions.HttpTokens).toBe('required');
  });

  it('has an encrypted root volume that goes with it', () => {
    const [{ Ebs: volume }] = template.BlockDeviceMappings;

    expect(volume).toMatchObject({ Encrypted: true, DeleteOnTermination: true, VolumeType: 'gp3' });
    expect(volume.KmsKeyId).toBeDefined();
  });

  it('is told so in MIME parts, as Batch demands: one before Docker, one for the agent', () => {
    const text = parts.filter((part) => typeof part === 'string').join('');

    expect(text).toMatch(/^Content-Type: multipart\/mixed/);
    expect(text.match(/text\/cloud-boothook|text\/x-shellscript/g)).toEqual([
      'text/cloud-boothook',
      'text/x-shellscript',
    ]);
    expect(scripts[0]).toMatch(/^#cloud-boothook\n#!\/bin\/bash\n/);
  });

  it('keeps images between jobs and gives a worker time to end', () => {
    expect(scripts[1]).toContain('ECS_IMAGE_PULL_BEHAVIOR=prefer-cached');
    expect(scripts[1]).toMatch(/ECS_CONTAINER_STOP_TIMEOUT=1[01]\d?s/);
  });

  it('formats its NVMe disk, never another, and puts images and scratch there', () => {
    const folder = tempFolder();
    const calls = boot(folder, WITH_NVME, false);

    expect(calls).toEqual([
      'mkfs.xfs -f /dev/nvme1n1',
      'mkdir -p /mnt/nvme',
      'mount -o noatime /dev/nvme1n1 /mnt/nvme',
      'mkdir -p /mnt/nvme/docker /var/lib/docker',
      'mount --bind /mnt/nvme/docker /var/lib/docker',
      `install -d -m 0700 -o 10001 -g 10001 ${HOST_FOLDERS.join(' ')}`,
    ]);
  });

  it.each([
    ['has no such disk', 'nvme0n1 Amazon Elastic Block Store', false],
    ['was started before', WITH_NVME, true],
  ])('formats nothing when it %s, and has the folders of workers all the same', (_, lsblk, mounted) => {
    const folder = tempFolder();
    expect(boot(folder, lsblk, mounted)).toEqual([
      expect.stringMatching(/^install -d .*\/mnt\/nvme\/models/),
    ]);
  });

  it('may call what the ECS agent needs, and no data', () => {
    const [statements] = [
      resourceOf(compute, 'AWS::IAM::ManagedPolicy', 'HostAgentPolicy').Properties.PolicyDocument.Statement,
    ];
    const actions: readonly string[] = statements.flatMap(
      ({ Action }: { Action: string | string[] }) => Action,
    );

    expect(actions.every((action) => action.startsWith('ecs:') || action === 'ec2:DescribeTags')).toBe(true);
  });
});
