import type { Command } from 'commander';
import { jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { connect, jobIdArgument, serviceOptions, type ServiceArguments } from '../service-command.ts';

/** `hpb retry`: another attempt over the cases of a job that failed. */
export function registerRetry(program: Command, context: CommandContext): void {
  const command = program
    .command('retry')
    .description('Run the failed cases of a job again; results that are there stay.')
    .argument('<job>', 'id of the job', jobIdArgument);
  for (const option of serviceOptions('print the job as the API gives it')) command.addOption(option);
  command.action(async (jobId: string, options: ServiceArguments) => {
    const job = await (await connect(context, options)).retry(jobId);
    context.stdout.write(
      options.json
        ? jsonLine(job)
        : `${jobId}: attempt ${job.attempt} has begun\n\nhpb status ${jobId} --watch\n`,
    );
  });
}
