import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What container/engine/demo_export.py writes into the plans of every demo network. */
const MARK = 'DEMO network trained on synthetic phantoms';

/** Whether a weight set is a demo network, wherever it was copied to; paths of its files are relative to `folder`. */
export async function isDemoNetwork({
  folder,
  files,
}: {
  readonly folder: string;
  readonly files: readonly { readonly path: string }[];
}): Promise<boolean> {
  const plans = files.filter(({ path }) => basename(path).startsWith('plans.'));
  const contents = await Promise.all(plans.map(({ path }) => readFile(join(folder, path))));
  return contents.some((content) => content.includes(MARK));
}
