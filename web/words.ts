import type { ErrorDocument, HpbError } from '../core/errors.ts';
import type { JobAnswer, JobSummary } from '../core/requests.ts';

const STATES: Readonly<Record<JobSummary['state'], string>> = {
  QUEUED: 'Waiting',
  PREPARING: 'Reading the input',
  RUNNING: 'Running',
  PUBLISHING: 'Finishing',
  SUCCEEDED: 'Done',
  PARTIAL: 'Done in part',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
};

const STAGES: Readonly<Record<JobAnswer['stage'], string>> = {
  waiting: 'waiting for its turn',
  preparing: 'reading the input',
  fetch: 'opening the CT',
  check: 'checking the CT',
  segment: 'segmenting',
  measure: 'measuring',
  mesh: 'making meshes',
  package: 'packing the result',
  publish: 'storing the result',
  publishing: 'putting the results together',
  done: 'done',
};

/** The state of a job for people. */
export const stateWord = (state: JobSummary['state']): string => STATES[state];

/** Whether nothing changes the job any more, unless it is tried again. */
export const isOver = ({ endedAt }: JobSummary): boolean => endedAt !== null;

/** What a job does right now, its place in the queue if it has one. */
export function stageWords({ stage, queuePosition }: JobAnswer): string {
  if (queuePosition === null) return STAGES[stage];
  return queuePosition === 0 ? 'next in the queue' : `${queuePosition} before it in the queue`;
}

/** A structure's name as people write it: `hepatic_vessels` -> `Hepatic vessels`. */
export function plainName(name: string): string {
  const words = name.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** A number with so many decimals, grouped as the reader's language does. */
export function figure(value: number, decimals = 0): string {
  return value.toLocaleString(undefined, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** A volume in ml; more decimals for what is small. */
export const ml = (value: number): string => `${figure(value, value < 1 ? 2 : Number(value < 100))} ml`;

/** A size in the unit that fits. */
export function byteSize(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${figure(bytes / 1000 ** step, Number(step > 1))} ${units[step]!}`;
}

/** Day and time of an ISO 8601 time, as the reader's machine writes them. */
export const moment = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** What is wrong and what to do, in two sentences. */
export const errorWords = ({ message, remedy }: HpbError | ErrorDocument): string => `${message} ${remedy}`;
