import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { asHpbError, commandExit, HpbError, type ErrorCode } from '../../core/errors.ts';
import type { JobAnswer } from '../../core/requests.ts';
import type { MeshFormat } from '../../core/results/meshed-structures.ts';
import { caseNames } from '../../local/case-names.ts';
import type { Service } from '../api/service.ts';
import type { CommandContext } from '../context.ts';
import { fetchJob, type FetchRequest } from '../fetch-job.ts';
import { jobOutcomes } from '../job-text.ts';
import { meshesOption, runOptions, type RunArguments } from '../options.ts';
import { connect, serviceOptions, usdArgument, type ServiceArguments } from '../service-command.ts';
import { submitReporter, type SubmitReporter } from '../submit-report.ts';
import { parseS3Folder } from '../transfer/s3-folder.ts';
import { submitInput, type SubmissionInput } from '../transfer/submission.ts';
import { watchJob } from '../watch-job.ts';

interface SubmitArguments extends RunArguments, ServiceArguments {
  readonly wait?: true;
  readonly out?: string;
  readonly to?: string;
  readonly unpack?: true;
  readonly batch?: true;
  readonly priority?: 'interactive' | 'bulk';
  readonly maxCost?: number;
  readonly publish?: true;
  readonly meshes?: MeshFormat;
  readonly idempotencyKey?: string;
  readonly new?: true;
}

const HELP = `
Each CT, archive (.zip, .tar, .tar.gz) and folder becomes a job; its id is printed. A folder is packed: a folder
per case with raw.nii.gz in it, or CTs side by side. Interrupted uploads go on when the same command runs again, and so
does waiting: for a day after its end the same files and options are the same job until its results are fetched.

Examples:
  hpb submit scan.nii.gz --wait                     upload, wait, fetch to hpb-results/
  hpb submit cases/ --model liver --no-fast         a folder of cases as one job
  hpb submit *.nii.gz --batch                       many CTs as one job
  hpb submit cases.tar.gz --wait --to s3://bucket/results
  hpb submit scan.nii.gz --endpoint https://<api>.execute-api.eu-central-1.amazonaws.com/prod
`;

/** `hpb submit`: uploads CTs and archives, starts their jobs, and with `--wait` fetches the results. */
export function registerSubmit(program: Command, context: CommandContext): void {
  const command = program
    .command('submit')
    .description('Send CTs, archives or folders of cases to the service; each becomes a job.')
    .argument('<input...>', 'CTs (.nii, .nii.gz), archives (.zip, .tar, .tar.gz), folders of cases');
  for (const option of runOptions()) command.addOption(option);
  command
    .addOption(meshesOption('that of the service'))
    .option('--batch', 'all CTs given as one job')
    .option('--wait', 'wait for the jobs to end and fetch their results')
    .option('--out <dir>', 'folder of the results (default: hpb-results); waits')
    .option('--unpack', 'unpack the results beside their ZIPs')
    .option('--to <s3>', 'copy the results to s3://bucket/prefix, or below a prefix of HPB_S3_BUCKET; waits')
    .addOption(
      new Option('--priority <which>', 'queue of the jobs (default: bulk for more than five cases)').choices([
        'interactive',
        'bulk',
      ]),
    )
    .option(
      '--max-cost <usd>',
      'most that a job may cost by its estimate, USD on demand; a dearer one is refused',
      usdArgument,
    )
    .option(
      '--publish',
      'put the cases that succeed into the viewer of the deployment: its readers then see the CTs',
    )
    .option(
      '--idempotency-key <key>',
      'the same key, file and options again are the same job',
      idempotencyKeyArgument,
    )
    .option('--new', 'another job, though the same command was interrupted while it waited for one');
  for (const option of serviceOptions(
    'print JSON lines: packed, upload, submitted, progress, ended, fetched, failed',
  ))
    command.addOption(option);
  command
    .addHelpText('after', HELP)
    .action((inputs: readonly string[], options: SubmitArguments) => submit(inputs, options, context));
}

async function submit(
  paths: readonly string[],
  options: SubmitArguments,
  context: CommandContext,
): Promise<void> {
  const inputs: readonly SubmissionInput[] = options.batch === true ? [paths] : paths;
  if (options.idempotencyKey !== undefined && inputs.length > 1)
    throw new HpbError('USAGE', `One --idempotency-key cannot stand for ${inputs.length} jobs.`, {
      remedy: 'Submit one input with it, or all CTs as one job with --batch.',
    });
  const fetching = fetchingOf(options, context);
  const names = options.batch === true ? ['cases'] : caseNames(paths);
  const run: SubmitRun = {
    context,
    options,
    service: await connect(context, options),
    reporter: submitReporter(context, options.json === true),
    outcomes: [],
    settles: [],
  };
  const jobs: NamedJob[] = [];
  for (const [at, input] of inputs.entries()) {
    const job = await attempt(run, names[at]!, () => start(run, names[at]!, input, fetching !== null));
    if (job !== null) jobs.push({ ...job, name: names[at]!, folder: inputs.length > 1 ? names[at]! : '' });
    if (context.signal.aborted) break;
  }
  await settle(run, inputs.length);
  if (fetching === null) run.outcomes.push(...jobs.map(() => 'ok' as const));
  else for (const job of jobs) await attempt(run, job.name, () => finish(run, job, fetching));
  context.exitCode = commandExit(run.outcomes);
}

/** A command that is to run again, since not all inputs came to the service, shall find the jobs that it has begun. */
async function settle({ outcomes, settles }: SubmitRun, inputs: number): Promise<void> {
  const toldToRunAgain = outcomes.some((code) => code === 'CANCELLED' || code === 'SERVICE_UNREACHABLE');
  if (toldToRunAgain || outcomes.length + settles.length < inputs) return;
  for (const one of settles) await one();
}

/** What all steps of one command share. */
interface SubmitRun {
  readonly context: CommandContext;
  readonly options: SubmitArguments;
  readonly service: Service;
  readonly reporter: SubmitReporter;
  /** How the inputs fared, for the exit code. */
  readonly outcomes: (ErrorCode | 'ok')[];
  /** Of the jobs that were begun; see `Submission`. */
  readonly settles: (() => Promise<void>)[];
}

interface NamedJob {
  readonly name: string;
  readonly job: JobAnswer;
  readonly forget: () => Promise<void>;
  /** Below the folder of results; empty when this is the only job. */
  readonly folder: string;
}

type Fetching = Omit<FetchRequest, 'onProgress'>;

/** Where results are to go; null when the command does not wait for them. */
function fetchingOf(options: SubmitArguments, context: CommandContext): Fetching | null {
  const { wait, out, to, unpack } = options;
  if (wait === undefined && out === undefined && to === undefined && unpack === undefined) return null;
  const { settings, paths, signal } = context;
  return {
    // Asked to copy to S3 and to nowhere else, nothing is to stay here.
    out: out ?? (to === undefined || unpack === true ? 'hpb-results' : null),
    unpack: unpack === true,
    to: to === undefined ? null : parseS3Folder(to, settings.HPB_S3_BUCKET),
    region: settings.AWS_REGION,
    dataRoot: paths.dataRoot,
    signal,
  };
}

/** What the service would refuse only when all bytes are there. */
function idempotencyKeyArgument(text: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(text))
    throw new InvalidArgumentError('1 to 255 printable ASCII characters without spaces.');
  return text;
}

/** A failure of one input does not stop the others; the service being away does. */
async function attempt<T>(run: SubmitRun, name: string, step: () => Promise<T>): Promise<T | null> {
  try {
    return await step();
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (run.outcomes.length === 0 && error.code === 'SERVICE_UNREACHABLE') throw error;
    run.reporter.failed(name, error);
    run.outcomes.push(error.code);
    return null;
  } finally {
    run.reporter.pause();
  }
}

async function start(
  { context, options, service, reporter, settles }: SubmitRun,
  name: string,
  input: SubmissionInput,
  waits: boolean,
): Promise<Pick<NamedJob, 'job' | 'forget'>> {
  const { job, isKnown, forget, settle } = await submitInput(service, input, {
    run: options,
    priority: options.priority,
    maxCostUsd: options.maxCost,
    publish: options.publish,
    meshes: options.meshes,
    idempotencyKey: options.idempotencyKey,
    waits,
    another: options.new === true,
    dataRoot: context.paths.dataRoot,
    signal: context.signal,
    onPacked: (packed) => reporter.packed(name, packed),
    onUpload: (done, total) => reporter.upload(name, done, total),
  });
  settles.push(settle);
  reporter.submitted(name, job, isKnown);
  return { job, forget };
}

async function finish(
  { context, service, reporter, outcomes }: SubmitRun,
  { name, job: { jobId }, folder, forget }: NamedJob,
  fetching: Fetching,
): Promise<void> {
  const { signal } = context;
  const job = await watchJob(service, jobId, { signal, onLook: (seen) => reporter.progress(name, seen) });
  reporter.ended(name, job);
  if (job.state === 'SUCCEEDED' || job.state === 'PARTIAL') {
    const out = fetching.out === null ? null : join(fetching.out, folder);
    const onProgress = (done: number, total: number): void => reporter.download(name, done, total);
    reporter.fetched(name, await fetchJob(service, { jobId }, { ...fetching, out, onProgress }));
  }
  await forget();
  outcomes.push(...jobOutcomes(job));
}
