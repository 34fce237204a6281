import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import type { HostCommand } from '../../adapters/host-process.ts';
import { machinePaths } from '../../adapters/machine-paths.ts';
import { settingsSchema } from '../../core/settings.ts';
import { listNvidiaGpus } from '../engine-environment/nvidia.ts';
import type { LaptopServiceOptions } from './laptop-service.ts';

/** What of our environment a worker needs beside the settings. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH', 'NVIDIA_VISIBLE_DEVICES'] as const;

/** How a worker of this machine is started: from source in a checkout, from its bundle in an installed package. */
export function workerCommand({ settings, packageRoot, environment }: LaptopServiceOptions): HostCommand {
  const source = join(packageRoot, 'container', 'main.ts');
  const main = existsSync(source) ? source : join(packageRoot, 'dist', 'worker.js');
  const passed = [...Object.keys(settingsSchema.shape), ...PASSED_ON].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // Node 20 and early 22 have none.
  const compiled = nodeModule.getCompileCacheDir?.();
  return {
    command: process.execPath,
    args: [main, '--serve'],
    environment: {
      HPB_PREVIEWS: '1',
      // glibc gives threads arenas of their own, in which memory stays: 1.2 MB a case by its default, 0.8 MB with two.
      MALLOC_ARENA_MAX: '2',
      // Node's own four are taken by writes that wait for the disk.
      UV_THREADPOOL_SIZE: '8',
      ...Object.fromEntries(passed),
      ...(compiled !== undefined && { NODE_COMPILE_CACHE: compiled }),
      HPB_DATA_ROOT: machinePaths(settings, packageRoot).dataRoot,
      HPB_WEIGHTS: settings.HPB_WEIGHTS,
      HPB_DEVICE: settings.HPB_DEVICE,
    },
  };
}

/** One entry per worker that may run at once: the environment that gives it a GPU of its own; one without a GPU. */
export async function workerSlots({
  settings,
  environment,
}: LaptopServiceOptions): Promise<readonly Readonly<Record<string, string>>[]> {
  const { HPB_DEVICE: device, HPB_MAX_CONCURRENCY: most } = settings;
  const gpus = device === 'cpu' ? [] : await listNvidiaGpus(environment);
  const cards = gpus.map((_, at) => ({ CUDA_VISIBLE_DEVICES: String(at) }));
  // A card that was named, or Apple's, is one; two workers never share a card.
  if (device.startsWith('cuda:') || device === 'mps') return emptySlots(1);
  if (cards.length === 0) return emptySlots(most ?? 1);
  return cards.slice(0, most ?? cards.length);
}

const emptySlots = (count: number): Readonly<Record<string, string>>[] =>
  Array.from({ length: count }, () => ({}));
