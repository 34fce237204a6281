import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../../lib/constructs/network.ts';
import { resourceOf, resourcesOf, stacksOf } from '../../fixtures/stacks.ts';

const EXISTING = { network: 'existing', vpcId: 'vpc-12345678', subnetIds: 'subnet-12345678,subnet-87654321' };
const count = (of: Readonly<Record<string, unknown>>): number => Object.keys(of).length;

describe('the network of workers', () => {
  it.each([{ network: 'public' }, { network: 'isolated' }, EXISTING])(
    'lets nothing in to workers: $network',
    (properties) => {
      const { compute } = stacksOf(properties);

      const group = resourceOf(compute, 'AWS::EC2::SecurityGroup', 'NetworkWorkers');

      expect(group.Properties.SecurityGroupIngress).toBeUndefined();
      const ingress = Object.keys(resourcesOf(compute, 'AWS::EC2::SecurityGroupIngress'));
      expect(ingress.filter((id) => !id.startsWith('NetworkEndpoints'))).toEqual([]);
    },
  );

  it('public: a way out, and nothing that costs while idle', () => {
    const { compute } = stacksOf({ network: 'public' });

    const endpoints = Object.values(resourcesOf(compute, 'AWS::EC2::VPCEndpoint'));

    expect(count(resourcesOf(compute, 'AWS::EC2::NatGateway'))).toBe(0);
    expect(endpoints.map(({ Properties }) => Properties.VpcEndpointType)).toEqual(['Gateway']);
    expect(count(resourcesOf(compute, 'AWS::EC2::InternetGateway'))).toBe(1);
  });

  it('isolated: no way to the internet; S3, ECS, ECR, logs and metrics by endpoints that only workers reach', () => {
    const { compute } = stacksOf({ network: 'isolated' });

    const interfaces = Object.values(resourcesOf(compute, 'AWS::EC2::VPCEndpoint'))
      .map(({ Properties }) => Properties)
      .filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface');

    expect(count(resourcesOf(compute, 'AWS::EC2::InternetGateway'))).toBe(0);
    expect(count(resourcesOf(compute, 'AWS::EC2::NatGateway'))).toBe(0);
    expect(interfaces).toHaveLength(count(ENDPOINTS));
    expect(interfaces.every(({ PrivateDnsEnabled }) => PrivateDnsEnabled)).toBe(true);
    const ingress = resourceOf(compute, 'AWS::EC2::SecurityGroupIngress').Properties;
    expect(ingress).toMatchObject({ FromPort: 443, ToPort: 443, IpProtocol: 'tcp' });
    expect(ingress.SourceSecurityGroupId['Fn::GetAtt'][0]).toMatch(/^NetworkWorkers/);
  });

  it('isolated: reaches KMS where receipts are signed', () => {
    const signingKeyArn = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd';
    const { compute } = stacksOf({ network: 'isolated', signingKeyArn });

    const services = Object.values(resourcesOf(compute, 'AWS::EC2::VPCEndpoint')).map(({ Properties }) =>
      JSON.stringify(Properties.ServiceName),
    );
    expect(services.filter((name) => name.includes('.kms'))).toHaveLength(1);
  });

  it('existing: makes nothing but the group of the workers, without a look-up (trap 13)', () => {
    const { app, compute } = stacksOf(EXISTING);

    const environment = resourceOf(compute, 'AWS::Batch::ComputeEnvironment', 'GpuReserved').Properties;

    expect(count(resourcesOf(compute, 'AWS::EC2::VPC'))).toBe(0);
    expect(environment.ComputeResources.Subnets).toEqual(['subnet-12345678', 'subnet-87654321']);
    expect(app.synth().manifest.missing ?? []).toEqual([]);
  });

  it.each(['public', 'isolated'])('%s: logs what was refused, under our key', (network) => {
    const { compute } = stacksOf({ network });

    expect(resourceOf(compute, 'AWS::EC2::FlowLog').Properties.TrafficType).toBe('REJECT');
    expect(resourceOf(compute, 'AWS::Logs::LogGroup', 'FlowLogs').Properties.KmsKeyId).toBeDefined();
  });
});
