import type { Command } from 'commander';
import { COMMAND_EXIT, HpbError } from '../../core/errors.ts';
import { runDoctor, type DoctorLine, type DoctorReport } from '../../local/doctor.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../../local/text.ts';

const SIGNS: Readonly<Record<DoctorLine['status'], string>> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' };

interface DoctorArguments {
  readonly aws?: true;
  readonly stage: string;
  readonly json?: true;
}

const HELP = `
Examples:
  hpb doctor                        this machine
  hpb doctor --aws --stage prod     a deployment: identity, quotas, stacks, image, weights, queues, API
`;

/** `hpb doctor`: what this machine, or a deployment in AWS, has and lacks, with remedies; exit 1 when a line fails. */
export function registerDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description(
      'Look at Python, engines, GPU, memory, disk and weights, or with --aws at a deployment, and say what to do about what lacks.',
    )
    .option(
      '--aws',
      'look at a deployment in AWS instead, with the standard AWS credentials; changes nothing',
    )
    .option('--stage <name>', 'with --aws: which deployment, as `cdk deploy -c stage=` named it', 'dev')
    .option('--json', 'print one JSON document: { ok, lines: [{ name, status, found, remedy }] }')
    .addHelpText('after', HELP)
    .action(async (options: DoctorArguments, command: Command) => {
      if (options.aws === undefined && command.getOptionValueSource('stage') === 'cli')
        throw new HpbError(
          'USAGE',
          `--stage ${options.stage} names a deployment, and this looks at this machine.`,
          {
            remedy: `Run \`hpb doctor --aws --stage ${options.stage}\`, or leave --stage out.`,
          },
        );
      const report = options.aws ? await aboutAws(options, context) : await runDoctor(context);
      if (options.json) context.stdout.write(jsonLine(report));
      else context.stdout.write(`${report.lines.map(lineText).join('\n')}\n`);
      context.exitCode = report.ok ? COMMAND_EXIT.ok : COMMAND_EXIT.doctorFails;
    });
}

async function aboutAws({ stage }: DoctorArguments, context: CommandContext): Promise<DoctorReport> {
  const { settings, signal } = context;
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const { doctorAws } = await import('../aws-doctor.ts');
  return doctorAws({ stage, settings, signal });
}

function lineText({ name, status, found, remedy }: DoctorLine): string {
  const line = `${SIGNS[status]}  ${name}: ${found}`;
  return remedy === '' ? line : `${line}\n      ${remedy}`;
}
