import type { JobId } from '../layout.ts';

/** Where workers log in CloudWatch. */
export interface WorkerLogs {
  readonly region: string;
  /** Name of the log group. */
  readonly group: string;
}

interface BatchRecord {
  readonly Container?: { readonly LogStreamName?: unknown } | null;
}

/** What the cause of a failure says of a Batch job; null when it is not the record of one. */
export function batchRecord(cause: string | undefined): BatchRecord | null {
  try {
    const record = JSON.parse(cause ?? '') as (BatchRecord & { readonly JobId?: unknown }) | null;
    return typeof record?.JobId === 'string' ? record : null;
  } catch {
    return null;
  }
}

/**
 * Address in the CloudWatch console of what a worker of a job logged, told from the record of its Batch job (the cause
 * of its failure): its log stream, or a search for the job where there is no record, or one that names no stream. Empty
 * without `logs`, as on the laptop. At most 8 KB; it signs nothing and holds names of ours alone.
 */
export function workerLogAddress(
  logs: WorkerLogs | undefined,
  jobId: JobId,
  cause: string | undefined,
): string {
  if (logs === undefined) return '';
  const { region, group } = logs;
  const page = `https://${consoleHost(region)}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${encoded(group)}`;
  const stream = logStreamOf(batchRecord(cause));
  return stream === null
    ? `${page}/log-events$3FfilterPattern$3D${encoded(`"${jobId}"`)}`
    : `${page}/log-events/${encoded(stream)}`;
}

/** Longest name of a log stream. */
const MAX_STREAM = 512;

function logStreamOf(record: BatchRecord | null): string | null {
  const stream = record?.Container?.LogStreamName;
  return typeof stream === 'string' && stream !== '' && stream.length <= MAX_STREAM ? stream : null;
}

function consoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`;
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`;
  return `${region}.console.aws.amazon.com`;
}

/** The console escapes twice, and writes the percent sign of the second time as a dollar. */
const encoded = (name: string): string => encodeURIComponent(encodeURIComponent(name)).replaceAll('%', '$');

/** A sentence for the console, with the address of a log unless that is empty. */
export const withLog = (message: string, log: string): string =>
  log === '' ? message : `${message} Log of the worker: ${log}`;
