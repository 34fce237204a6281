import type { Command } from 'commander';
import { HpbError } from '../../core/errors.ts';
import { bytesText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { fetchJob } from '../fetch-job.ts';
import { progressDisplay } from '../progress-display.ts';
import {
  caseIdArgument,
  connect,
  jobIdArgument,
  serviceOptions,
  type ServiceArguments,
} from '../service-command.ts';
import { fetchedText } from '../submit-report.ts';
import { parseS3Folder } from '../transfer/s3-folder.ts';

interface FetchArguments extends ServiceArguments {
  readonly out?: string;
  readonly case?: string;
  readonly to?: string;
  readonly unpack?: true;
}

/** `hpb fetch`: the results of a job, whole and checked. */
export function registerFetch(program: Command, context: CommandContext): void {
  const command = program
    .command('fetch')
    .description('Fetch the results of a job. Interrupted, it goes on where it was; checksums are checked.')
    .argument('<job>', 'id of the job', jobIdArgument)
    .option('--out <dir>', 'folder to put them in')
    .option('--case <id>', 'only this case, such as c0001', caseIdArgument)
    .option('--unpack', 'unpack them beside the ZIP')
    .option('--to <s3>', 'copy them to s3://bucket/prefix, or below a prefix of HPB_S3_BUCKET');
  for (const option of serviceOptions('print one JSON document: { results }')) command.addOption(option);
  command.action((jobId: string, options: FetchArguments) => fetchResults(jobId, options, context));
}

async function fetchResults(jobId: string, options: FetchArguments, context: CommandContext): Promise<void> {
  const { stdout, stderr, signal, settings, paths } = context;
  const { out, to, unpack, json } = options;
  if (out === undefined && (to === undefined || unpack === true))
    throw new HpbError('USAGE', `Nothing says where the results of ${jobId} are to go.`, {
      remedy: 'Give --out DIR, or --to s3://bucket/prefix without --unpack.',
    });
  const service = await connect(context, options);
  const display = progressDisplay(stderr, jobId);
  try {
    const results = await fetchJob(
      service,
      { jobId, caseId: options.case },
      {
        out: out ?? null,
        unpack: unpack === true,
        to: to === undefined ? null : parseS3Folder(to, settings.HPB_S3_BUCKET),
        region: settings.AWS_REGION,
        dataRoot: paths.dataRoot,
        signal,
        onProgress: (done, total) => display.update(done / total, `fetching ${bytesText(total)}`),
      },
    );
    display.end();
    stdout.write(json ? jsonLine({ results }) : fetchedText(results));
  } finally {
    display.end();
  }
}
