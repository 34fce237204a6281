/** The closed list of metrics: name -> unit and meaning. Dimensions never hold ids. */
export const METRICS = {
  CasesSucceeded: { unit: 'Count', meaning: 'Cases that ended with a result.' },
  CasesFailed: { unit: 'Count', meaning: 'Cases that ended with an error code.' },
  JobsFinished: { unit: 'Count', meaning: 'Jobs that came to an end, by outcome.' },
  JobSeconds: { unit: 'Seconds', meaning: 'From the submit of a job to its end.' },
  QueueSeconds: { unit: 'Seconds', meaning: 'From the plan of a job to the start of one of its workers.' },
  CaseSeconds: { unit: 'Seconds', meaning: 'From the first to the last stage of a case.' },
  CasesEnded: {
    unit: 'Count',
    meaning: 'Cases that a worker brought to an end, once for each of their models, by outcome and code.',
  },
  CaseErrors: { unit: 'Count', meaning: 'Cases of a published job that have no result, by code.' },
  StageSeconds: { unit: 'Seconds', meaning: 'A stage of a case in a worker, by stage.' },
  EngineSeconds: { unit: 'Seconds', meaning: 'A stage of the engine on a case, by model and stage.' },
  ModelLoadSeconds: { unit: 'Seconds', meaning: 'Loading the networks of a model that were not loaded yet.' },
  ColdStartSeconds: {
    unit: 'Seconds',
    meaning: 'From the start of a worker until it can take its first case: engine and card.',
  },
  WeightsSeconds: { unit: 'Seconds', meaning: 'Fetching weights that a machine did not have yet.' },
  GpuMemoryPeakBytes: { unit: 'Bytes', meaning: 'Most memory of its card in use while a worker ran.' },
  GpuUtilisation: { unit: 'Percent', meaning: 'Mean utilisation of its card while a worker ran.' },
  EstimatedCostUsd: { unit: 'None', meaning: 'Machine time of a case at list prices, USD.' },
  UploadedBytes: { unit: 'Bytes', meaning: 'Size of an upload that became a job.' },
  AnnouncementsFailed: { unit: 'Count', meaning: 'Ends of jobs that could not be announced.' },
  CanaryFailed: { unit: 'Count', meaning: 'Canaries that failed: 1, or 0 for one that came through.' },
  CanarySeconds: { unit: 'Seconds', meaning: 'From the submit of a canary to its end.' },
  UnclaimedUploads: { unit: 'Count', meaning: 'Uploads older than a day that no job uses.' },
  UnclaimedDrops: { unit: 'Count', meaning: 'Objects older than an hour that still lie below ingest/.' },
} as const satisfies Record<
  string,
  { readonly unit: 'Count' | 'Seconds' | 'Bytes' | 'Percent' | 'None'; readonly meaning: string }
>;

/** Name of a metric. */
export type MetricName = keyof typeof METRICS;

/** What a metric may be told apart by. */
export const METRIC_DIMENSIONS = ['Model', 'Outcome', 'Code', 'Stage'] as const;
export type MetricDimension = (typeof METRIC_DIMENSIONS)[number];

/** Namespace of the metrics of a deployment: others of the same account must not raise its alarms. */
export const metricNamespace = (stage: string): string => `HpbSegmentation/${stage}`;

/** One figure. */
export interface MetricSample {
  readonly name: MetricName;
  readonly value: number;
  readonly dimensions?: Readonly<Partial<Record<MetricDimension, string>>>;
}
