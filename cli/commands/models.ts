import { dirname } from 'node:path';
import type { Command } from 'commander';
import { installModels, type InstalledSet } from '../../local/models/install-models.ts';
import { listModels } from '../../local/models/list-models.ts';
import { pullModel, weightSetsOf, type PullProgress } from '../../local/models/pull-model.ts';
import { verifyModels } from '../../local/models/verify-models.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { weightSet } from '../../core/models/weights.ts';
import type { CommandContext } from '../context.ts';
import { registerPushWeights } from './push-weights.ts';
import { bytesText, jsonLine, tableText } from '../../local/text.ts';

interface JsonOption {
  readonly json?: true;
}

/** `hpb models list|install|pull|verify|push`. */
export function registerModels(program: Command, context: CommandContext): void {
  const models = program
    .command('models')
    .description('The weights of the networks: what is there, and getting it.');
  models
    .command('list')
    .description('What each model needs, where it is looked for, and what is there.')
    .option('--json', 'print one JSON document: { models, sets }')
    .action((options: JsonOption) => list(context, options));
  models
    .command('install')
    .description('Install weights from a ZIP as its publisher offers it, or from a folder.')
    .argument('<zip or folder>')
    .option('--json', 'print one JSON document: { installed }')
    .action((source: string, options: JsonOption) => install(context, source, options));
  models
    .command('pull')
    .description('Fetch weights from their publishers; resumable.')
    .argument('<id>', 'a model, `both`, `all`, or a weight set of `hpb models list`')
    .option('--accept-licence', 'accept a licence that restricts use (Task008: CC-BY-NC-4.0)')
    .option('--from <url>', 'fetch the archives from this mirror instead')
    .option('--json', 'print progress and result as JSON lines')
    .action((id: string, options: PullOptions) => pull(context, id, options));
  models
    .command('verify')
    .description(
      'Read all installed weights, and the demo networks, and hold them against the recorded checksums.',
    )
    .option('--json', 'print one JSON document: { files }')
    .action((options: JsonOption) => verify(context, options));
  registerPushWeights(models, context);
}

async function list(context: CommandContext, options: JsonOption): Promise<void> {
  const listed = await listModels(context);
  if (options.json) {
    context.stdout.write(jsonLine(listed));
    return;
  }
  const models = listed.models.flatMap(({ id, variants, licence }) =>
    variants.map(({ fast, sets, weights }) => [
      `${id}${fast ? ' --fast' : ''}`,
      weights === 'demo' ? 'DEMO' : weights,
      sets.join(' '),
      licence,
    ]),
  );
  const sets = listed.sets.map((set) => [
    set.id,
    set.state + (set.folds.length > 0 && set.id === 'task008' ? ` (folds ${set.folds.join(',')})` : ''),
    bytesText(set.bytes),
    bytesText(set.archiveBytes),
    set.licence,
    dirname(set.folder),
  ]);
  const out = [
    tableText([['model', 'weights', 'needs', 'licence'], ...models]),
    tableText([['set', 'state', 'on disk', 'download', 'licence', 'folder'], ...sets], [2, 3]),
    'Get real weights with `hpb models pull <model or set>`.',
  ];
  context.stdout.write(`${out.join('\n\n')}\n`);
}

async function install(context: CommandContext, source: string, options: JsonOption): Promise<void> {
  const progress = barOf(context.stderr, options.json === true);
  const { settings, packageRoot, signal } = context;
  const installed = await installModels(source, {
    settings,
    packageRoot,
    signal,
    onProgress: (done, total) => progress('Installing', done, total),
  });
  if (options.json) context.stdout.write(jsonLine({ installed }));
  else for (const set of installed) context.stdout.write(installedText(set));
}

interface PullOptions extends JsonOption {
  readonly acceptLicence?: true;
  readonly from?: string;
}

async function pull(context: CommandContext, id: string, options: PullOptions): Promise<void> {
  const json = options.json === true;
  for (const set of weightSetsOf(id).map(weightSet))
    if (!json) context.stderr.write(`${set.title}: licence ${set.licence}, ${bytesText(set.archiveBytes)}\n`);
  const progress = barOf(context.stderr, json);
  const { settings, packageRoot, signal } = context;
  const pulled = await pullModel(id, {
    settings,
    packageRoot,
    signal,
    acceptLicence: options.acceptLicence === true,
    ...(options.from === undefined ? {} : { baseUrl: options.from }),
    onProgress: json
      ? throttled((step) => context.stdout.write(jsonLine({ event: 'progress', ...step })))
      : ({ id, step, doneBytes, totalBytes }) => progress(`${STEPS[step]} ${id}`, doneBytes, totalBytes),
  });
  if (json) context.stdout.write(jsonLine({ event: 'done', pulled }));
  else
    for (const { id, installed } of pulled)
      context.stdout.write(installed === null ? `${id}: already installed\n` : installedText(installed));
}

const STEPS: Readonly<Record<PullProgress['step'], string>> = {
  download: 'Fetching',
  install: 'Installing',
  present: 'Already installed:',
};

async function verify(context: CommandContext, options: JsonOption): Promise<void> {
  const { settings, packageRoot, signal } = context;
  const files = await verifyModels({ settings, packageRoot, signal });
  const bad = files.some(({ state }) => state === 'changed' || state === 'gone');
  if (options.json) context.stdout.write(jsonLine({ files }));
  else if (files.length === 0) context.stdout.write('No weights are installed.\n');
  else {
    const rows = files.map(({ set, demo, path, bytes, sha256, state }) => [
      state,
      demo ? `${set} DEMO` : set,
      path,
      bytesText(bytes),
      sha256 ?? '-',
    ]);
    context.stdout.write(`${tableText([['state', 'set', 'file', 'size', 'sha256'], ...rows], [3])}\n`);
    if (bad)
      context.stdout.write(
        'Fetch changed sets again with `hpb models pull <set>`; DEMO networks come with the software: install it again.\n',
      );
  }
  context.exitCode = bad ? ERROR_CODES.WEIGHTS_CORRUPT.exit : 0;
}

function installedText({ id, folder, files }: InstalledSet): string {
  const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
  return `${id}: ${Object.keys(files).length} files, ${bytesText(bytes)}, in ${folder}\n`;
}

/** A line that changes on a terminal; in a pipe one line per tenth; nothing with `--json`. */
function barOf(
  stream: NodeJS.WriteStream,
  silent: boolean,
): (what: string, done: number, total: number) => void {
  let last = '';
  return (what, done, total) => {
    const percent = Math.floor((100 * done) / Math.max(1, total));
    const shown = stream.isTTY ? percent : Math.floor(percent / 10) * 10;
    const text = `${what} ${shown} %`;
    if (silent || text === last) return;
    last = text;
    const end = stream.isTTY && percent < 100 ? '' : '\n';
    stream.write(`${stream.isTTY ? '\r\u001b[2K' : ''}${text} of ${bytesText(total)}${end}`);
  };
}

function throttled(write: (progress: PullProgress) => void): (progress: PullProgress) => void {
  let last = '';
  return (progress) => {
    const key = `${progress.id} ${progress.step} ${Math.floor((100 * progress.doneBytes) / progress.totalBytes)}`;
    if (key !== last) write(progress);
    last = key;
  };
}
