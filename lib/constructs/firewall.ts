import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { StageConfig } from '../config/read-config.ts';
import { plainLogGroupArn } from './plain-log-group-arn.ts';

/** Groups of rules of AWS, in the order in which they are asked. */
const RULE_GROUPS = [
  'AWSManagedRulesAmazonIpReputationList',
  'AWSManagedRulesKnownBadInputsRuleSet',
  'AWSManagedRulesCommonRuleSet',
] as const;

export interface FirewallProps {
  readonly config: StageConfig;
  readonly key: IKey;
  /** ARN of the stage it stands before. */
  readonly stageArn: string;
}

/** A web application firewall before the API; its log holds neither paths, queries, authorisation nor keys of callers. */
export class Firewall extends Construct {
  constructor(scope: Construct, id: string, { config, key, stageArn }: FirewallProps) {
    super(scope, id);
    const visibility = (metricName: string): CfnWebACL.VisibilityConfigProperty => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'Acl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility(`hpb-${config.stage}`),
      rules: RULE_GROUPS.map((name, priority) => ({
        name,
        priority,
        overrideAction: { none: {} },
        statement: { managedRuleGroupStatement: { vendorName: 'AWS', name } },
        visibilityConfig: visibility(name),
      })),
    });
    const logs = new LogGroup(this, 'Logs', {
      // WAF delivers to groups of this prefix only.
      logGroupName: `aws-waf-logs-hpb-${config.stage}`,
      encryptionKey: key,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [plainLogGroupArn(logs)],
      redactedFields: [
        { uriPath: {} },
        { queryString: {} },
        { singleHeader: { Name: 'authorization' } },
        { singleHeader: { Name: 'x-amz-security-token' } },
        { singleHeader: { Name: 'idempotency-key' } },
      ],
    });
    new CfnWebACLAssociation(this, 'Association', { resourceArn: stageArn, webAclArn: acl.attrArn });
  }
}
