import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts findings of cdk-nag at a construct and all below it: rule id -> reason. */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  const findings = Object.entries(reasons).map(([id, reason]) => ({ id, reason }));
  Validations.of(construct).acknowledge(...findings);
}

/** How cdk-nag writes a value that comes from another stack: the name of its export, which this makes. */
export function exportName(value: string, owner: IConstruct): string {
  const stack = Stack.of(owner);
  const { 'Fn::ImportValue': name } = stack.resolve(stack.exportValue(value)) as {
    'Fn::ImportValue': string;
  };
  return name;
}

/** The finding of a resource with a wildcard, of an ARN that is put together from the deployment's account and region. */
export const wildcard = (arn: string): string =>
  `AwsSolutions-IAM5[Resource::${arn.replaceAll(/\$\{Token\[AWS\.(\w+)\.\d+\]\}/g, '<AWS::$1>')}]`;
