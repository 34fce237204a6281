import type { Command } from 'commander';
import { pushModels } from '../../local/models/push-models.ts';
import { bytesText, jsonLine } from '../../local/text.ts';
import type { CommandContext } from '../context.ts';
import { storePlace } from '../store-place.ts';

interface PushOptions {
  readonly demo?: true;
  readonly json?: true;
}

/** `hpb models push`: weights into the models bucket of a deployment. */
export function registerPushWeights(models: Command, context: CommandContext): void {
  models
    .command('push')
    .description('Put installed weights, checked, into the models bucket of a deployment; its manifest last.')
    .argument('<place>', 's3://bucket (output ModelsBucketName of the data stack), or a folder')
    .option('--demo', 'the demo networks instead: a first deployment can be tried with them')
    .option('--json', 'print one JSON document: { pushed }')
    .action(async (place: string, { demo, json }: PushOptions) => {
      const { settings, packageRoot, signal } = context;
      const remedy = 'Name the bucket without a prefix: weights lie below models/ in it.';
      const store = await storePlace(place, settings.AWS_REGION, remedy);
      const pushed = await pushModels({
        settings,
        packageRoot,
        signal,
        store,
        demo: demo === true,
        onFile: ({ set, path, bytes, present }) => {
          if (!json)
            context.stderr.write(`${set} ${path}: ${present ? 'is there' : 'sent'}, ${bytesText(bytes)}\n`);
        },
      });
      context.stdout.write(
        json ? jsonLine({ pushed }) : `${pushed.length} files and their manifest are in ${place}.\n`,
      );
    });
}
