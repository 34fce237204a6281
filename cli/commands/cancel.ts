import type { Command } from 'commander';
import { asHpbError, commandExit, type ErrorCode } from '../../core/errors.ts';
import { errorText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { connect, jobIdArguments, serviceOptions, type ServiceArguments } from '../service-command.ts';

/** `hpb cancel`: ends jobs; cases that are finished are kept. */
export function registerCancel(program: Command, context: CommandContext): void {
  const command = program
    .command('cancel')
    .description('End jobs, within seconds; cases that are finished are kept and can be fetched.')
    .argument('<job...>', 'ids of the jobs', jobIdArguments);
  for (const option of serviceOptions('print a JSON document a line: { jobId, state } or { jobId, error }'))
    command.addOption(option);
  command.action(async (jobIds: readonly string[], options: ServiceArguments) => {
    const { stdout, stderr } = context;
    const service = await connect(context, options);
    const outcomes: (ErrorCode | 'ok')[] = [];
    for (const jobId of jobIds) {
      try {
        const { state } = await service.cancel(jobId);
        stdout.write(options.json ? jsonLine({ jobId, state }) : `${jobId}: ${state}\n`);
        outcomes.push('ok');
      } catch (thrown) {
        const error = asHpbError(thrown);
        outcomes.push(error.code);
        if (options.json) stdout.write(jsonLine({ jobId, error: error.toDocument() }));
        else stderr.write(`${jobId}: ${errorText(error)}\n`);
      }
    }
    context.exitCode = commandExit(outcomes);
  });
}
