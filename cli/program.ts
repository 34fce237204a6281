import { Command } from 'commander';
import { packageVersion } from '../adapters/package-version.ts';
import { registerCheck } from './commands/check.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerModels } from './commands/models.ts';
import { registerPhantom } from './commands/phantom.ts';
import { registerSegment } from './commands/segment.ts';
import { registerSetup } from './commands/setup.ts';
import type { CommandContext } from './context.ts';

const EPILOGUE = `
Start here:
  hpb phantom --out demo                    a synthetic CT with known truth
  hpb check demo/phantom.nii.gz             is this CT fit to run?
  hpb segment demo/phantom.nii.gz           liver, hepatic vessels and tumours
  hpb doctor                                what this machine has and lacks

Exit codes: 0 all ok, 2 usage or input, 3 some cases failed, 4 all failed, 130 cancelled; set-up, weights and
engine failures have their own (docs/reference/error-codes.md). Not a medical device.
`;

/** The whole `hpb` command line over a context; parse with `parseAsync`, then read `context.exitCode`. */
export function buildProgram(context: CommandContext): Command {
  const program = new Command('hpb')
    .description(
      'Segment liver, hepatic vessels and tumours on CT: on this machine, with the engines that run in the cloud.',
    )
    .version(packageVersion(context.packageRoot), '-V, --version')
    .showHelpAfterError('(run with --help for what it takes)')
    .addHelpText('after', EPILOGUE)
    .exitOverride();
  registerSegment(program, context);
  registerCheck(program, context);
  registerModels(program, context);
  registerPhantom(program, context);
  registerDoctor(program, context);
  registerSetup(program, context);
  return program;
}
