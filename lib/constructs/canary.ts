import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { canaryRights } from './function-rights.ts';
import { HandlerFunction } from './handler-function.ts';
import { startingEnvironment, type ServiceSurroundings } from './service-functions.ts';

export interface CanaryProps {
  readonly around: ServiceSurroundings;
  readonly machine: StateMachine;
}

/**
 * A synthetic CT through the deployment every `canaryHours`. Its function is called hourly, so that a failure is known
 * within an hour of the end of the job.
 */
export class Canary extends Construct {
  readonly handler: HandlerFunction;

  constructor(scope: Construct, id: string, { around, machine }: CanaryProps) {
    super(scope, id);
    const { home, deadLetters } = around;
    const environment = startingEnvironment(around, machine);
    this.handler = new HandlerFunction(this, 'Handler', {
      home,
      name: 'canary',
      description: 'Sends a synthetic CT through the deployment and holds its volumes against the truth',
      environment: { ...environment, HPB_CANARY_HOURS: String(home.config.canaryHours) },
      ...canaryRights(around),
      memoryMib: 1_769,
      timeoutSeconds: 300,
      deadLetters,
    });
    new Rule(this, 'Hourly', {
      description: 'Canary: judge the one under way, or start the next',
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [new LambdaFunction(this.handler, { deadLetterQueue: deadLetters })],
    });
  }
}
