/**
 * `npm start`: sets up the engines when they are missing, makes the synthetic CT, segments it, compares it with its
 * truth. `--once` is taken for scripts that will not want the service to stay up; this version ends either way.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machinePaths } from '../adapters/machine-paths.ts';
import { asHpbError, COMMAND_EXIT, ERROR_CODES } from '../core/errors.ts';
import { parseSettings } from '../core/settings.ts';
import { runDemo } from './demo.ts';
import { ensureEngineEnvironment } from './engine-environment/ensure-engine-environment.ts';
import { stepPrinter } from './engine-environment/step-printer.ts';
import { segmentReporter } from './segment-report.ts';
import { errorText, secondsText } from './text.ts';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { stdout, stderr } = process;
  try {
    parseArgs({ args: [...argv], options: { once: { type: 'boolean' } } });
  } catch {
    stderr.write(`npm start takes --once only, not: ${argv.join(' ')}\n`);
    return COMMAND_EXIT.usage;
  }
  const started = performance.now();
  const cancel = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => cancel.abort());
  const { signal } = cancel;
  try {
    const settings = parseSettings(environment);
    const onStep = stepPrinter(stderr);
    const { created, venv } = await ensureEngineEnvironment({
      settings,
      packageRoot,
      environment,
      signal,
      onStep,
    });
    if (created) stderr.write(`Engines installed in ${venv}\n`);
    const { dataRoot } = machinePaths(settings, packageRoot);
    const reporter = segmentReporter({ stdout, stderr }, false);
    const comparison = await runDemo(dataRoot, {
      settings,
      packageRoot,
      environment,
      stderr,
      signal,
      reporter,
    });
    stdout.write(`\n${comparison}\n\nAll done in ${secondsText((performance.now() - started) / 1000)}. `);
    stdout.write('Next: npx hpb segment YOUR_CT.nii.gz (npx hpb --help tells more)\n');
    return COMMAND_EXIT.ok;
  } catch (thrown) {
    const error = asHpbError(thrown);
    stderr.write(`\n${errorText(error)}\n`);
    return ERROR_CODES[error.code].exit;
  }
}

// oxlint-disable-next-line node/no-process-env -- the entry point hands its environment on
process.exitCode = await main(process.argv.slice(2), process.env);
