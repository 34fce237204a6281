import { Command } from 'commander';
import { packageVersion } from '../adapters/package-version.ts';
import { registerCalibrate } from './commands/calibrate.ts';
import { registerCanary } from './commands/canary.ts';
import { registerCancel } from './commands/cancel.ts';
import { registerCheck } from './commands/check.ts';
import { registerDiff } from './commands/diff.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEstimate } from './commands/estimate.ts';
import { registerFetch } from './commands/fetch.ts';
import { registerIngest } from './commands/ingest.ts';
import { registerJobs } from './commands/jobs.ts';
import { registerLogs } from './commands/logs.ts';
import { registerModels } from './commands/models.ts';
import { registerPhantom } from './commands/phantom.ts';
import { registerPublish } from './commands/publish.ts';
import { registerRedrive } from './commands/redrive.ts';
import { registerReport } from './commands/report.ts';
import { registerRetry } from './commands/retry.ts';
import { registerSegment } from './commands/segment.ts';
import { registerServe } from './commands/serve.ts';
import { registerSetup } from './commands/setup.ts';
import { registerShow } from './commands/show.ts';
import { registerStatus } from './commands/status.ts';
import { registerSubmit } from './commands/submit.ts';
import { registerUnpublish } from './commands/unpublish.ts';
import { registerVerify } from './commands/verify.ts';
import { HpbError } from '../core/errors.ts';
import { printableLines } from '../local/text.ts';
import type { CommandContext } from './context.ts';

const EPILOGUE = `
Start here:
  hpb phantom --out demo                    a synthetic CT with known truth
  hpb check demo/phantom.nii.gz             is this CT fit to run?
  hpb segment demo/phantom.nii.gz           liver, hepatic vessels and tumours
  hpb doctor                                what this machine has and lacks

With the service (npm start, or a deployment named by --endpoint or HPB_ENDPOINT):
  hpb submit scan.nii.gz --wait             upload, wait, fetch the results
  hpb jobs                                  what it does and has done

Exit codes: 0 all ok, 2 usage or input, 3 some cases failed, 4 all failed, 17 no service, 130 cancelled; set-up,
weights and engine failures have their own (docs/reference/error-codes.md). Not a medical device.
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
    // That of commander looks one word far, and says nothing of one that it does not know.
    .helpCommand(false)
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .exitOverride();
  registerSegment(program, context);
  registerCheck(program, context);
  registerReport(program, context);
  registerShow(program, context);
  registerVerify(program, context);
  registerDiff(program, context);
  registerEstimate(program, context);
  registerCalibrate(program, context);
  registerServe(program, context);
  registerSubmit(program, context);
  registerJobs(program, context);
  registerStatus(program, context);
  registerFetch(program, context);
  registerCancel(program, context);
  registerRetry(program, context);
  registerLogs(program, context);
  registerIngest(program, context);
  registerRedrive(program, context);
  registerPublish(program, context);
  registerUnpublish(program, context);
  registerCanary(program, context);
  registerModels(program, context);
  registerPhantom(program, context);
  registerDoctor(program, context);
  registerSetup(program, context);
  registerHelp(program);
  return program;
}

function registerHelp(program: Command): void {
  program
    .command('help')
    .description('Show how a command is used, as its --help does.')
    .argument('[command...]', 'the command, such as `jobs` or `models pull`')
    .action((names: readonly string[]) => {
      let command = program;
      for (const name of names) {
        const found = command.commands.find((one) => one.name() === name);
        if (found === undefined)
          throw new HpbError('USAGE', `There is no command ${JSON.stringify(names.join(' '))}.`, {
            remedy: 'Run `hpb --help` for what there is.',
          });
        command = found;
      }
      command.outputHelp();
    });
}
