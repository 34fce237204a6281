import { Aws } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnQueryDefinition, type ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, UrlSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FINISHED_EVENT, type FinishedDocument } from '../../core/finished-document.ts';
import { queryText, SAVED_QUERIES, type QuerySource } from '../../core/monitoring/queries.ts';
import type { StageConfig } from '../config/read-config.ts';
import { Alarms, type Watched } from './alarms.ts';
import { ServiceDashboard } from './service-dashboard.ts';

export interface ObservabilityProps {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly watched: Watched;
  readonly logs: Readonly<Record<QuerySource, readonly ILogGroup[]>>;
  /** Where announcements go that SNS did not take. */
  readonly deadLetters: IQueue;
}

/** What operators and pipelines hear and look at: alarms, ends of jobs, dashboard, saved queries, a budget. */
export class Observability extends Construct {
  /** Hears of alarms. */
  readonly alarmTopic: Topic;
  /** Hears of the end of every job. */
  readonly jobTopic: Topic;

  constructor(scope: Construct, id: string, props: ObservabilityProps) {
    super(scope, id);
    const { config, watched } = props;
    this.alarmTopic = this.#topic('AlarmTopic', props, 'cloudwatch.amazonaws.com');
    this.jobTopic = this.#topic('FinishedJobTopic', props, 'events.amazonaws.com');
    this.#announce(this.jobTopic, props);
    const alarms = new Alarms(this, 'Alarms', {
      stage: config.stage,
      hasCanary: config.canaryHours > 0,
      watched,
      topic: this.alarmTopic,
    });
    new ServiceDashboard(this, 'Dashboard', { stage: config.stage, watched, alarms });
    this.#queries(props);
    if (config.budgetUsd !== undefined) this.#budget(config, config.budgetUsd);
  }

  /** A topic under our key; its messages go to whom the configuration names. SNS signs them. */
  #topic(id: string, { config, key }: ObservabilityProps, publisher: string): Topic {
    const topic = new Topic(this, id, { masterKey: key, enforceSSL: true });
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Publish',
        principals: [new ServicePrincipal(publisher)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
    if (config.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(config.alarmEmail));
    if (config.alarmWebhook !== undefined) topic.addSubscription(new UrlSubscription(config.alarmWebhook));
    return topic;
  }

  #announce(topic: Topic, { config, watched, deadLetters }: ObservabilityProps): void {
    const field = (name: keyof FinishedDocument | 'stage'): string => EventField.fromPath(`$.detail.${name}`);
    new Rule(this, 'JobFinished', {
      description: 'A job has ended',
      // Other deployments of the account tell the same bus.
      eventPattern: {
        source: [FINISHED_EVENT.source],
        detailType: [FINISHED_EVENT.detailType],
        detail: { stage: [config.stage] },
      },
      targets: [
        new SnsTopic(topic, {
          deadLetterQueue: deadLetters,
          message: RuleTargetInput.fromObject({
            event: field('event'),
            stage: field('stage'),
            jobId: field('jobId'),
            attempt: field('attempt'),
            state: field('state'),
            counts: field('counts'),
            code: field('code'),
            models: field('models'),
            endedAt: field('endedAt'),
            link: `${watched.api.urlForPath('/jobs/')}${field('jobId')}`,
          }),
        }),
      ],
    });
  }

  #queries({ config, logs }: ObservabilityProps): void {
    for (const query of SAVED_QUERIES) {
      new CfnQueryDefinition(this, query.name.replaceAll(/[^A-Za-z]/g, ''), {
        name: `hpb-${config.stage}/${query.name}`,
        queryString: queryText(query),
        logGroupNames: query.sources.flatMap((source) =>
          logs[source].map(({ logGroupName }) => logGroupName),
        ),
      });
    }
  }

  #budget({ stage, alarmEmail = '' }: StageConfig, amount: number): void {
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `hpb-${stage}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount, unit: 'USD' },
        // The tag must be activated in Billing; before that the budget sees nothing.
        costFilters: { TagKeyValue: [`user:Stage$${stage}`] },
      },
      notificationsWithSubscribers: [80, 100].map((threshold) => ({
        notification: {
          notificationType: 'ACTUAL',
          comparisonOperator: 'GREATER_THAN',
          threshold,
          thresholdType: 'PERCENTAGE',
        },
        subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail }],
      })),
    });
  }
}
