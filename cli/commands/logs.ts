import type { Command } from 'commander';
import { jsonLine, printableLines } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import {
  connect,
  countArgument,
  jobIdArgument,
  serviceOptions,
  type ServiceArguments,
} from '../service-command.ts';

interface LogsArguments extends ServiceArguments {
  readonly lines: number;
}

/** `hpb logs`: what the workers of a job have logged last. */
export function registerLogs(program: Command, context: CommandContext): void {
  const command = program
    .command('logs')
    .description('Print the last lines that the workers of a job have logged; no patient data is in them.')
    .argument('<job>', 'id of the job', jobIdArgument)
    .option('--lines <n>', 'lines at most', countArgument(1_000), 100);
  for (const option of serviceOptions('print one JSON document: { lines }')) command.addOption(option);
  command.action(async (jobId: string, options: LogsArguments) => {
    const lines = await (await connect(context, options)).logs(jobId, options.lines);
    context.stdout.write(
      options.json ? jsonLine({ lines }) : lines.map((line) => `${printableLines(line)}\n`).join(''),
    );
  });
}
