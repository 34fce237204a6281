import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  Metric,
  TreatMissingData,
  type IMetric,
  type MetricOptions,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { metricNamespace } from '../../core/metrics.ts';
import type {
  AlarmSource,
  AlarmSpec,
  StandingFunction,
  WatchedRule,
} from '../../core/monitoring/alarm-spec.ts';
import { alarmsOf } from '../../core/monitoring/alarms.ts';

/** What alarms look at. */
export interface Watched {
  readonly machine: StateMachine;
  readonly api: RestApi;
  readonly functions: Readonly<Record<StandingFunction, IFunction>>;
  readonly queues: Readonly<Record<'ingest' | 'ingest-dead-letters' | 'events-dead-letters', IQueue>>;
  readonly rules: Readonly<Record<WatchedRule, string>>;
  /** Names of the rules that count for each machine. */
  readonly machines: Readonly<Record<'faulty-machines', string>>;
}

export interface AlarmsProps {
  readonly stage: string;
  readonly hasCanary: boolean;
  readonly watched: Watched;
  readonly topic: ITopic;
}

/** The alarms of core/monitoring/alarms.ts; each names its section of the runbook. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, { stage, hasCanary, watched, topic }: AlarmsProps) {
    super(scope, id);
    this.all = alarmsOf({ hasCanary }).map((spec) => {
      const alarm = new Alarm(this, spec.id, {
        alarmName: `hpb-${stage}-${spec.id}`,
        alarmDescription: `[${spec.severity}] ${spec.what} Runbook: docs/runbook.md#${spec.id}`,
        metric: metricOf(spec, { stage, watched }),
        threshold: spec.threshold,
        evaluationPeriods: spec.periods ?? 1,
        ...(spec.isTooFew === true ? TOO_FEW : TOO_MANY),
      });
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
      return alarm;
    });
  }
}

const TOO_MANY = {
  comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  treatMissingData: TreatMissingData.NOT_BREACHING,
};
const TOO_FEW = {
  comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
  treatMissingData: TreatMissingData.BREACHING,
};

type Of = Pick<AlarmsProps, 'stage' | 'watched'>;

function metricOf({ source, statistic, periodMinutes }: AlarmSpec, of: Of): IMetric {
  const options: MetricOptions = { statistic, period: Duration.minutes(periodMinutes) };
  return sourceMetric(source, of, options);
}

function sourceMetric(source: AlarmSource, { stage, watched }: Of, options: MetricOptions): IMetric {
  switch (source.of) {
    case 'workflow':
      return watched.machine.metric(source.metric, options);
    case 'api':
      return watched.api.metric(source.metric, options);
    case 'function':
      return watched.functions[source.name].metric(source.metric, options);
    case 'queue':
      return watched.queues[source.name].metric(source.metric, options);
    case 'rule':
      return new Metric({
        namespace: 'AWS/Events',
        metricName: 'TriggeredRules',
        dimensionsMap: { RuleName: watched.rules[source.name] },
        ...options,
      });
    case 'machine':
      return new MathExpression({
        expression: `INSIGHT_RULE_METRIC('${watched.machines[source.name]}', 'MaxContributorValue')`,
        usingMetrics: {},
        ...(options.period === undefined ? {} : { period: options.period }),
      });
    case 'own':
      return new Metric({
        namespace: metricNamespace(stage),
        metricName: source.metric,
        ...(source.dimensions === undefined ? {} : { dimensionsMap: { ...source.dimensions } }),
        ...options,
      });
  }
}
