/** The closed list of metrics: name -> unit and meaning. Dimensions never hold ids. */
export const METRICS = {
  CasesSucceeded: { unit: 'Count', meaning: 'Cases that ended with a result.' },
  CasesFailed: { unit: 'Count', meaning: 'Cases that ended with an error code.' },
  JobsFinished: { unit: 'Count', meaning: 'Jobs that came to an end, by outcome.' },
  JobSeconds: { unit: 'Seconds', meaning: 'From the submit of a job to its end.' },
  QueueSeconds: { unit: 'Seconds', meaning: 'From the plan of a job to the first case that began.' },
  CaseSeconds: { unit: 'Seconds', meaning: 'From the first to the last stage of a case.' },
  UploadedBytes: { unit: 'Bytes', meaning: 'Size of an upload that became a job.' },
} as const satisfies Record<
  string,
  { readonly unit: 'Count' | 'Seconds' | 'Bytes'; readonly meaning: string }
>;

/** Name of a metric. */
export type MetricName = keyof typeof METRICS;

/** What a metric may be told apart by. */
export const METRIC_DIMENSIONS = ['Model', 'Outcome', 'Code'] as const;
export type MetricDimension = (typeof METRIC_DIMENSIONS)[number];

/** Namespace of all metrics. */
export const METRIC_NAMESPACE = 'HpbSegmentation';

/** One figure. */
export interface MetricSample {
  readonly name: MetricName;
  readonly value: number;
  readonly dimensions?: Readonly<Partial<Record<MetricDimension, string>>>;
}
