import type { Command } from 'commander';
import {
  ensureEngineEnvironment,
  type EnvironmentStep,
} from '../../local/engine-environment/ensure-engine-environment.ts';
import { stepPrinter } from '../../local/engine-environment/step-printer.ts';
import type { CommandContext } from '../context.ts';
import { jsonLine } from '../../local/text.ts';

/** `hpb setup`: installs the engines, or goes on where an earlier call stopped; does nothing when they are there. */
export function registerSetup(program: Command, context: CommandContext): void {
  program
    .command('setup')
    .description('Install the segmentation engines (Python packages) for this user; resumable.')
    .option('--json', 'print steps and result as JSON lines')
    .action(async (options: { readonly json?: true }) => {
      const { settings, packageRoot, environment, signal } = context;
      const json = options.json === true;
      const onStep = json
        ? (step: EnvironmentStep): void => void context.stdout.write(jsonLine({ event: 'step', ...step }))
        : stepPrinter(context.stderr);
      const result = await ensureEngineEnvironment({ settings, packageRoot, environment, signal, onStep });
      if (json) context.stdout.write(jsonLine({ event: 'done', ...result }));
      else {
        const what = result.created
          ? 'The engines are installed in'
          : 'The engines were installed already in';
        context.stdout.write(`${what} ${result.venv}\n`);
      }
    });
}
