import type { Command } from 'commander';
import type { DeadLetters } from '../../adapters/dead-letters.ts';
import { HpbError } from '../../core/errors.ts';
import { jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { redrive } from '../redrive.ts';

interface RedriveArguments {
  readonly stage: string;
  readonly dryRun?: true;
  readonly json?: true;
}

const HELP = `
Look first why they failed (docs/runbook.md#ingest-dead-letters): what is not mended comes back. An object that became
a job before becomes no second one.
`;

/** `hpb redrive`: lets a deployment try again the dropped objects that it could not make jobs of. */
export function registerRedrive(program: Command, context: CommandContext): void {
  program
    .command('redrive')
    .description(
      'Move the dead letters of the ingest queue of a deployment back into it, and wait until that is done.',
    )
    .option('--stage <name>', 'which deployment, as `cdk deploy -c stage=` named it', 'dev')
    .option('--dry-run', 'only count')
    .option('--json', 'print one JSON document: { deadLetters, queue, moved }')
    .addHelpText('after', HELP)
    .action((options: RedriveArguments) => run(options, context));
}

async function run({ stage, dryRun, json }: RedriveArguments, context: CommandContext): Promise<void> {
  const { settings, signal, stdout } = context;
  const letters = await ingestDeadLetters(stage, settings.AWS_REGION);
  const result = await redrive(letters, {
    dryRun: dryRun === true,
    signal,
    onCounts: ({ deadLetters, queue }) => {
      if (!json) stdout.write(`${deadLetters} dead letters; ${queue} messages wait in the queue itself.\n`);
    },
  });
  if (json) stdout.write(jsonLine(result));
  else if (result.moved !== null)
    stdout.write(`${result.moved} moved back. \`hpb jobs\` shows what becomes of them.\n`);
}

/** The dead letters of a stage, found by the outputs of its service stack. */
async function ingestDeadLetters(stage: string, region: string | undefined): Promise<DeadLetters> {
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const [{ AwsAccount }, { SQSClient }, { SqsDeadLetters }] = await Promise.all([
    import('../../adapters/cloud-account.ts'),
    import('@aws-sdk/client-sqs'),
    import('../../adapters/dead-letters.ts'),
  ]);
  const options = region === undefined ? {} : { region };
  const name = `Hpb-${stage}-Service`;
  const stack = await new AwsAccount(options).stack(name);
  const { IngestQueueUrl, IngestQueueArn, IngestDeadLettersUrl, IngestDeadLettersArn } = stack?.outputs ?? {};
  if (
    IngestQueueUrl === undefined ||
    IngestQueueArn === undefined ||
    IngestDeadLettersUrl === undefined ||
    IngestDeadLettersArn === undefined
  )
    throw new HpbError(
      'SETTINGS_INVALID',
      `There is no stack ${name} that tells of its queues in this account and region.`,
      {
        remedy: 'Name the deployment with --stage, its region with AWS_REGION, its account with AWS_PROFILE.',
      },
    );
  return new SqsDeadLetters(new SQSClient(options), {
    queueUrl: IngestQueueUrl,
    queueArn: IngestQueueArn,
    deadLettersUrl: IngestDeadLettersUrl,
    deadLettersArn: IngestDeadLettersArn,
  });
}
