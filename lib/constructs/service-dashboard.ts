import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  MathExpression,
  Metric,
  PeriodOverride,
  type IMetric,
  type IWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { metricNamespace, type MetricDimension, type MetricName } from '../../core/metrics.ts';
import type { Alarms, Watched } from './alarms.ts';

export interface ServiceDashboardProps {
  readonly stage: string;
  readonly watched: Watched;
  readonly alarms: Alarms;
}

const HALF = 12;
const WHOLE = 24;

/** The page that an operator opens first: alarms, jobs, cases, machines, the ways in, costs. */
export class ServiceDashboard extends Dashboard {
  constructor(scope: Construct, id: string, { stage, watched, alarms }: ServiceDashboardProps) {
    const { own, by } = figuresOf(metricNamespace(stage));
    super(scope, id, {
      dashboardName: `hpb-${stage}`,
      defaultInterval: Duration.days(1),
      periodOverride: PeriodOverride.AUTO,
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms.all], width: WHOLE, height: 4 })],
        [
          graph('Jobs that ended, by outcome and code', [
            by('JobsFinished', 'Sum', 'Outcome'),
            by('JobsFinished', 'Sum', 'Outcome', 'Code'),
          ]),
          graph('Cases that ended, by model, outcome and code', [
            by('CasesEnded', 'Sum', 'Model', 'Outcome'),
            by('CasesEnded', 'Sum', 'Model', 'Outcome', 'Code'),
          ]),
        ],
        [
          graph('Waiting for a machine, s', [own('QueueSeconds', 'Average'), own('QueueSeconds', 'Maximum')]),
          graph('Cold start and weights, s', [
            own('ColdStartSeconds', 'Average'),
            own('WeightsSeconds', 'Average'),
          ]),
        ],
        [
          graph('Stages of cases, s', [by('StageSeconds', 'Average', 'Stage')]),
          graph('Stages of the engines, s', [by('EngineSeconds', 'Average', 'Model', 'Stage')]),
        ],
        [
          graph('GPU memory, peak bytes', [own('GpuMemoryPeakBytes', 'Maximum')]),
          graph('GPU utilisation, %', [own('GpuUtilisation', 'Average')]),
        ],
        [
          graph('Estimated cost of cases, USD', [own('EstimatedCostUsd', 'Sum')]),
          graph('Executions', executions(watched)),
        ],
        [
          graph(
            'API',
            ['Count', '4XXError', '5XXError'].map((name) => watched.api.metric(name, sum())),
          ),
          graph('Ingestion', queues(watched)),
        ],
      ],
    });
  }
}

const sum = () => ({ statistic: 'Sum', period: Duration.minutes(5) });

const graph = (title: string, left: IMetric[]): IWidget =>
  new GraphWidget({ title, left, width: HALF, height: 6 });

/** Metrics of ours below a namespace. */
const figuresOf = (namespace: string) => ({
  own: (metricName: MetricName, statistic: string): IMetric =>
    new Metric({ namespace, metricName, statistic, label: `${metricName} ${statistic}` }),
  /** One line for every value that the dimensions have had. */
  by: (metric: MetricName, statistic: string, ...dimensions: readonly MetricDimension[]): IMetric =>
    new MathExpression({
      expression: `SEARCH('{${[`"${namespace}"`, ...dimensions].join(',')}} MetricName="${metric}"', '${statistic}')`,
      usingMetrics: {},
      label: '',
    }),
});

const executions = ({ machine }: Watched): IMetric[] =>
  ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsFailed', 'ExecutionsAborted'].map((name) =>
    machine.metric(name, sum()),
  );

const queues = ({ queues: { ingest, ...dead } }: Watched): IMetric[] => [
  ingest.metricApproximateNumberOfMessagesVisible(),
  ingest.metricApproximateAgeOfOldestMessage(),
  dead['ingest-dead-letters'].metricApproximateNumberOfMessagesVisible(),
];
