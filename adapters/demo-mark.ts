import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What container/engine/demo_export.py writes into the plans of every demo network. */
const MARK = 'DEMO network trained on synthetic phantoms';

/** Whether a weight set is a demo network, wherever it was copied to. `files`: relative to `folder`. */
export async function isDemoNetwork(folder: string, files: readonly string[]): Promise<boolean> {
  const plans = files.filter((file) => basename(file).startsWith('plans.'));
  const contents = await Promise.all(plans.map((file) => readFile(join(folder, file))));
  return contents.some((content) => content.includes(MARK));
}
