import type { Command } from 'commander';
import { COMMAND_EXIT } from '../../core/errors.ts';
import { runDoctor, type DoctorLine } from '../../local/doctor.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../../local/text.ts';

const SIGNS: Readonly<Record<DoctorLine['status'], string>> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' };

/** `hpb doctor`: what this machine has and lacks, each line with its remedy; exit 1 when a line fails. */
export function registerDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description(
      'Look at Python, engines, GPU, memory, disk and weights, and say what to do about what lacks.',
    )
    .option('--json', 'print one JSON document: { ok, lines: [{ name, status, found, remedy }] }')
    .action(async (options: { readonly json?: true }) => {
      const report = await runDoctor(context);
      if (options.json) context.stdout.write(jsonLine(report));
      else context.stdout.write(`${report.lines.map(lineText).join('\n')}\n`);
      context.exitCode = report.ok ? COMMAND_EXIT.ok : COMMAND_EXIT.doctorFails;
    });
}

function lineText({ name, status, found, remedy }: DoctorLine): string {
  const line = `${SIGNS[status]}  ${name}: ${found}`;
  return remedy === '' ? line : `${line}\n      ${remedy}`;
}
