/**
 * `npm start`: sets up the engines when they are missing, starts the service on 127.0.0.1, and at the first start
 * sends a synthetic CT through it and compares the result with its truth. Serves until Ctrl-C; `--once` ends after
 * the demo.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jsonLog } from '../adapters/json-log.ts';
import { machinePaths } from '../adapters/machine-paths.ts';
import { systemClock } from '../adapters/system.ts';
import { asHpbError, COMMAND_EXIT, ERROR_CODES } from '../core/errors.ts';
import { parseSettings, type Settings } from '../core/settings.ts';
import { runDemo } from './demo.ts';
import { ensureEngineEnvironment } from './engine-environment/ensure-engine-environment.ts';
import { stepPrinter } from './engine-environment/step-printer.ts';
import { segmentReporter } from './segment-report.ts';
import { startLaptopService, type LaptopService } from './service/laptop-service.ts';
import { errorText, printableLines, secondsText } from './text.ts';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

const OPTIONS = { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;

const HELP = `npm start [-- --once]

Sets up the engines when they are missing, starts the service of this machine, and at the first start segments a
synthetic CT with it. Serves until Ctrl-C; jobs that are not done go on at the next start.

  --once        end after the synthetic CT, with the demo networks, at a free port

Open http://127.0.0.1:8080 in a browser: send CTs, look at results. The API is described at /docs.

Environment variables (all: docs/reference/settings.md):
  HPB_PORT         where it listens, default 8080; on 127.0.0.1 only
  HPB_DATA_ROOT    where jobs, results and weights are kept, default .hpb in the checkout
  HPB_DEVICE       auto (default), cpu, cuda, cuda:N or mps
  HPB_WEIGHTS      auto (default: real where installed, else demo), real or demo
  HPB_PYTHON       the Python 3.11 to make the engines' environment with
  HPB_VENV         an environment for them elsewhere, default .venv in the checkout
  HPB_LOG_LEVEL    debug, info, warn or error: logs in JSON lines, default warn

Next: npx hpb --help; npx hpb serve is the service alone.
`;

interface Start {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly once: boolean;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { stderr } = process;
  let once: boolean;
  try {
    const { values } = parseArgs({ args: [...argv], options: OPTIONS });
    if (values.help === true) {
      process.stdout.write(HELP);
      return COMMAND_EXIT.ok;
    }
    once = values.once === true;
  } catch {
    stderr.write(
      printableLines(
        `npm start takes --once only, not: ${argv.join(' ')}\n(npm start -- --help tells more)\n`,
      ),
    );
    return COMMAND_EXIT.usage;
  }
  const cancel = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => cancel.abort());
  const { signal } = cancel;
  try {
    const settings = settingsOf(environment, once);
    await ensureEngines({ settings, environment, once, signal });
    await serve({ settings, environment, once, signal });
    return COMMAND_EXIT.ok;
  } catch (thrown) {
    const error = asHpbError(thrown);
    stderr.write(`\n${errorText(error)}\n`);
    return ERROR_CODES[error.code].exit;
  }
}

/** The demo alone runs on the demo networks, at a port that nothing else wants. */
function settingsOf(environment: NodeJS.ProcessEnv, once: boolean): Settings {
  const settings = parseSettings(environment);
  if (!once) return settings;
  const port = environment['HPB_PORT'] === undefined ? { HPB_PORT: 0 } : {};
  return { ...settings, ...port, HPB_WEIGHTS: 'demo' };
}

async function ensureEngines({ settings, environment, signal }: Start): Promise<void> {
  const onStep = stepPrinter(process.stderr);
  const { created, venv } = await ensureEngineEnvironment({
    settings,
    packageRoot,
    environment,
    signal,
    onStep,
  });
  if (created) process.stderr.write(`Engines installed in ${venv}\n`);
}

async function serve(start: Start): Promise<void> {
  const { settings, environment, once, signal } = start;
  // People read what is printed here; the log is for those who ask for it.
  const level = environment['HPB_LOG_LEVEL'] === undefined ? 'warn' : settings.HPB_LOG_LEVEL;
  const log = jsonLog({ level, clock: systemClock, write: (line) => void process.stderr.write(line) });
  const service = await startLaptopService({ settings, packageRoot, environment, log });
  try {
    process.stderr.write(`The service listens on ${service.url}\n`);
    const isFirst = (await service.ports.index.list({ limit: 1 })).jobs.length === 0;
    if (once || isFirst) await demonstrate(service, start);
    if (once) return;
    process.stdout.write(
      `\nOpen ${service.url} in a browser: send CTs, look at results (API: ${service.url}/docs). Files dropped into ${service.ingestFolder} become jobs.\n` +
        'Next: npx hpb submit YOUR_CT.nii.gz --wait (npx hpb --help tells more). Ctrl-C ends the service.\n',
    );
    await aborted(signal);
    process.stderr.write('\nEnding the service; jobs that are not done go on at the next start.\n');
  } finally {
    await service.close();
  }
}

async function demonstrate(service: LaptopService, { settings, signal }: Start): Promise<void> {
  const { stdout, stderr } = process;
  const started = performance.now();
  const { dataRoot } = machinePaths(settings, packageRoot);
  let last = '';
  const result = await runDemo({
    service,
    dataRoot,
    signal,
    onProgress: ({ stage }) => {
      if (stage !== last) stderr.write(`phantom: ${stage}\n`);
      last = stage;
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const reporter = segmentReporter({ stdout, stderr }, false);
  const { folder, zip, metadata } = result;
  const outcome = { input: 'phantom', name: 'phantom', outcome: 'succeeded', error: null } as const;
  reporter.ended({ ...outcome, folder, zip, metadata, seconds });
  reporter.finished([{ ...outcome, folder, zip, metadata, seconds }]);
  stdout.write(`\n${result.comparison}\n\nAll done in ${secondsText(seconds)}.\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

// oxlint-disable-next-line node/no-process-env -- the entry point hands its environment on
process.exitCode = await main(process.argv.slice(2), process.env);
