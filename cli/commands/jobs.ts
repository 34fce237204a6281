import { Option, type Command } from 'commander';
import { JOB_STATES, type JobState } from '../../core/job.ts';
import type { JobSummary } from '../../core/requests.ts';
import { jsonLine } from '../../local/text.ts';
import type { Service } from '../api/service.ts';
import type { CommandContext } from '../context.ts';
import { jobsTable } from '../job-text.ts';
import { connect, countArgument, serviceOptions, type ServiceArguments } from '../service-command.ts';

interface JobsArguments extends ServiceArguments {
  readonly state?: JobState;
  readonly limit: number;
}

/** Most jobs that the service puts on a page. */
const PAGE = 200;

/** `hpb jobs`: the jobs of the service, newest first. */
export function registerJobs(program: Command, context: CommandContext): void {
  const command = program
    .command('jobs')
    .description('List the jobs of the service, newest first.')
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(JOB_STATES))
    .option('--limit <n>', 'jobs at most', countArgument(10_000), 20);
  for (const option of serviceOptions('print one JSON document: { jobs }')) command.addOption(option);
  command.action(async (options: JobsArguments) => {
    const jobs = await listed(await connect(context, options), options);
    if (options.json) context.stdout.write(jsonLine({ jobs }));
    else context.stdout.write(jobs.length === 0 ? 'No jobs.\n' : `${jobsTable(jobs)}\n`);
  });
}

async function listed(
  service: Service,
  { state, limit }: Pick<JobsArguments, 'state' | 'limit'>,
): Promise<readonly JobSummary[]> {
  const jobs: JobSummary[] = [];
  let after: string | null = null;
  do {
    const page = await service.jobs({
      limit: Math.min(PAGE, limit - jobs.length),
      ...(state !== undefined && { state }),
      ...(after !== null && { after }),
    });
    jobs.push(...page.jobs);
    after = page.next;
  } while (after !== null && jobs.length < limit);
  return jobs;
}
