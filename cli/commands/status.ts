import type { Command } from 'commander';
import { jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { jobExit, jobStep, jobText } from '../job-text.ts';
import { progressDisplay } from '../progress-display.ts';
import { connect, jobIdArgument, serviceOptions, type ServiceArguments } from '../service-command.ts';
import { watchJob } from '../watch-job.ts';

interface StatusArguments extends ServiceArguments {
  readonly watch?: true;
}

/** `hpb status`: where a job stands; the exit code says how it ended, 0 while it goes on. */
export function registerStatus(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .description(
      'Show where a job stands, each case with what is wrong with it. Exit 3: some failed, 4: all.',
    )
    .argument('<job>', 'id of the job', jobIdArgument)
    .option('--watch', 'go on until the job has ended');
  for (const option of serviceOptions('print the job as the API gives it; with --watch a line per change'))
    command.addOption(option);
  command.action((jobId: string, options: StatusArguments) => status(jobId, options, context));
}

async function status(jobId: string, options: StatusArguments, context: CommandContext): Promise<void> {
  const { stdout, stderr, signal } = context;
  const service = await connect(context, options);
  const display = progressDisplay(stderr, jobId);
  let last = '';
  const print = (line: string): void => {
    if (line !== last) stdout.write(line);
    last = line;
  };
  try {
    const job = options.watch
      ? await watchJob(service, jobId, {
          signal,
          onLook: (seen) =>
            options.json ? print(jsonLine(seen)) : display.update(seen.percent / 100, jobStep(seen)),
        })
      : await service.job(jobId);
    display.end();
    print(options.json ? jsonLine(job) : jobText(job));
    context.exitCode = jobExit(job);
  } finally {
    display.end();
  }
}
