import { ERROR_CODES, commandExit, type ErrorCode } from '../core/errors.ts';
import type { CaseAnswer, JobAnswer, JobSummary } from '../core/requests.ts';
import { errorText, printable, printableLines, secondsText, tableText } from '../local/text.ts';

/** A job in one line: what `hpb status --watch` and `hpb submit --wait` show while it runs. */
export function jobStep(job: JobAnswer): string {
  const { state, stage, queuePosition, counts } = job;
  const cases =
    counts === null || counts.total <= 1
      ? ''
      : `, ${counts.succeeded + counts.failed} of ${counts.total} cases`;
  if (state === 'QUEUED') return queuePosition === null ? 'queued' : `queued, ${queuePosition} before it`;
  return `${stage}${cases}`;
}

/** A job as a person reads it: state, times, each case with what is wrong with it, and what to do next. */
export function jobText(job: JobAnswer): string {
  const { jobId, state, percent, models, attempt, createdAt, endedAt, cases, error, ignored, ignoredCount } =
    job;
  const lines = [
    `${jobId}: ${state}${endedAt === null ? `, ${jobStep(job)} (${Math.round(percent)} %)` : ''}`,
    `  models     ${models.join(', ')}`,
    `  submitted  ${timeText(createdAt)}${attempt > 1 ? `, attempt ${attempt}` : ''}`,
  ];
  if (endedAt !== null)
    lines.push(`  ended      ${timeText(endedAt)}, after ${spanText(createdAt, endedAt)}`);
  else if (job.deadlineAt !== null) lines.push(`  ends by    ${timeText(job.deadlineAt)} at the latest`);
  if (error !== null) lines.push(`  ${errorText(error).replaceAll('\n', '\n  ')}`);
  if (cases.length > 0) lines.push('', casesTable(cases), ...cases.flatMap(failureText));
  if (ignoredCount > 0) {
    const named = ignored.slice(0, 10).map(({ name, reason }) => `  ${printable(name)}: ${reason}`);
    lines.push('', `Left aside in the archive: ${ignoredCount}`, ...named);
  }
  lines.push(...nextSteps(job));
  return `${lines.join('\n')}\n`;
}

/** Jobs as a table, newest first. */
export function jobsTable(jobs: readonly JobSummary[]): string {
  const rows = jobs.map(({ jobId, state, createdAt, models, counts, error }) => [
    jobId,
    state,
    timeText(createdAt),
    models.join(','),
    counts === null ? '' : `${counts.succeeded}/${counts.total}`,
    error?.code ?? '',
  ]);
  return tableText([['job', 'state', 'submitted', 'models', 'done', 'code'], ...rows]);
}

/** How a job ended, as `commandExit` takes it; a job that goes on is no failure. */
export function jobOutcomes({ state, error }: JobSummary): readonly (ErrorCode | 'ok')[] {
  if (state === 'FAILED') return [error?.code ?? 'NO_CASE_SUCCEEDED'];
  if (state === 'CANCELLED') return ['CANCELLED'];
  return state === 'PARTIAL' ? ['ok', 'SHARD_FAILED'] : ['ok'];
}

/** Exit code of a command on one job. */
export const jobExit = (job: JobSummary): number => commandExit(jobOutcomes(job));

function casesTable(cases: readonly CaseAnswer[]): string {
  const rows = cases.map(({ caseId, name, state, stage, percent, error }) => [
    caseId,
    name,
    state === 'running' ? `${stage ?? 'running'} ${Math.round(percent)} %` : state,
    error?.code ?? '',
  ]);
  return tableText([['case', 'name', 'state', 'code'], ...rows]);
}

function failureText({ caseId, name, error }: CaseAnswer): readonly string[] {
  if (error === null) return [];
  return [
    '',
    `${caseId} ${printable(name)}: ${printableLines(error.message)}`,
    `  What to do: ${error.remedy}`,
  ];
}

function nextSteps({ jobId, state, cases }: JobAnswer): readonly string[] {
  if (state === 'SUCCEEDED') return ['', `hpb fetch ${jobId} --out DIR`];
  const codes = cases.flatMap(({ error }) => (error === null ? [] : [error.code]));
  const retry = codes.some((code) => ERROR_CODES[code].retryable) ? [`hpb retry ${jobId}`] : [];
  if (state === 'PARTIAL') return ['', `hpb fetch ${jobId} --out DIR`, ...retry];
  return retry.length === 0 || state !== 'FAILED' ? [] : ['', ...retry];
}

const timeText = (time: string): string => time.replace('T', ' ').replace(/\.\d+Z$/, 'Z');

const spanText = (from: string, to: string): string =>
  secondsText((Date.parse(to) - Date.parse(from)) / 1000);
