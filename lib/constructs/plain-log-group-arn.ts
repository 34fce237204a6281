import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';

/**
 * ARN of a log group without the `:*` that CloudFormation ends it with: a rule of EventBridge that has it as target
 * deploys and never delivers, and WAF refuses it.
 */
export const plainLogGroupArn = (group: LogGroup): string =>
  Stack.of(group).formatArn({
    service: 'logs',
    resource: 'log-group',
    resourceName: group.logGroupName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
