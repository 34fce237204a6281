import { userInfo } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { outputError } from '../../adapters/file-error.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { makeFolder } from '../../adapters/make-folder.ts';
import { systemClock } from '../../adapters/system.ts';
import { HpbError } from '../../core/errors.ts';
import { settingsSchema } from '../../core/settings.ts';
import { systemdUnit } from '../../local/service/systemd-unit.ts';
import type { CommandContext } from '../context.ts';

/** Of aws-local-stepfunctions. */
const LEAST_NODE = 22;
const UNIT = '/etc/systemd/system/hpb-segmentation.service';

const HELP = `
The service listens on 127.0.0.1 only (HPB_PORT, default 8080) and keeps everything below HPB_DATA_ROOT. Jobs survive
a restart. Files dropped into <data root>/ingest become jobs; a folder there becomes one with all its cases once there is
a file _READY in it. Install the engines first: hpb setup.

Examples:
  hpb serve                         the service until Ctrl-C; its log, JSON lines, on stdout
  hpb service install --print       the systemd unit, without installing it
  sudo hpb service install --user hpb
`;

/** `hpb serve`: the service of this machine in the foreground; `hpb service install`: as a systemd unit. */
export function registerServe(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .description('Run the segmentation service on this machine: uploads, jobs, results over HTTP.')
    .addHelpText('after', HELP)
    .action(() => serve(context));
  program
    .command('service')
    .description('The service as a part of this machine.')
    .command('install')
    .description('Write a systemd unit that runs the service, for one GPU machine without AWS.')
    .option('--user <name>', 'user that runs it', userInfo().username)
    .option('--unit <file>', 'where the unit goes', UNIT)
    .option('--print', 'print the unit and write nothing')
    .action((options: InstallOptions) => install(options, context));
}

async function serve({ settings, packageRoot, environment, stdout, signal }: CommandContext): Promise<void> {
  requireNode(LEAST_NODE);
  // Here only: it brings the workflow's interpreter, which other commands can do without and old Nodes cannot read.
  const { startLaptopService } = await import('../../local/service/laptop-service.ts');
  const write = (line: string): void => void stdout.write(line);
  const log = jsonLog({ level: settings.HPB_LOG_LEVEL, clock: systemClock, write });
  const service = await startLaptopService({ settings, packageRoot, environment, log });
  log.info('service:start', { url: service.url });
  try {
    await new Promise<void>((done) => {
      if (signal.aborted) done();
      else signal.addEventListener('abort', () => done(), { once: true });
    });
  } finally {
    await service.close();
  }
}

function requireNode(least: number): void {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= least) return;
  throw new HpbError('SETTINGS_INVALID', `The service needs Node ${least} or newer; this is Node ${node}.`, {
    remedy: `Install Node ${least} or newer and run the same command with it.`,
    details: { node },
  });
}

interface InstallOptions {
  readonly user: string;
  readonly unit: string;
  readonly print?: true;
}

async function install({ user, unit, print }: InstallOptions, context: CommandContext): Promise<void> {
  const { environment, packageRoot, paths, settings, stdout } = context;
  const set = Object.keys(settingsSchema.shape).flatMap((name) => {
    const value = environment[name];
    return value === undefined || value === '' || name === 'HPB_DATA_ROOT' ? [] : [[name, value] as const];
  });
  const { HPB_IN_ROOT: scratchIn, HPB_OUT_ROOT: scratchOut } = settings;
  const scratch = [...new Set([scratchIn, scratchOut])].flatMap((root) =>
    root === undefined ? [] : resolve(root),
  );
  const folders = [resolve(paths.dataRoot), ...scratch];
  const text = systemdUnit({
    command: [process.execPath, join(packageRoot, 'cli', 'hpb.js'), 'serve'],
    user,
    dataRoot: resolve(paths.dataRoot),
    scratch,
    environment: { ...Object.fromEntries(set), HPB_VENV: resolve(paths.venv) },
  });
  if (print) {
    stdout.write(text);
    return;
  }
  try {
    for (const folder of [...folders, dirname(unit)]) await makeFolder(folder);
    await writeFile(unit, text);
  } catch (error) {
    throw outputError(error);
  }
  stdout.write(
    `Written: ${unit}\nThe user ${user} must own ${folders.join(' and ')}. Then:\n` +
      '  systemctl daemon-reload\n  systemctl enable --now hpb-segmentation\n  journalctl -u hpb-segmentation -f\n',
  );
}
