import { existsSync } from 'node:fs';
import { runProcess, type Environment } from '../../adapters/run-process.ts';

/** An NVIDIA card as the driver describes it. */
export interface NvidiaGpu {
  readonly name: string;
  readonly driver: string;
  /** `7.5` for a T4. */
  readonly computeCapability: string;
  readonly memoryMib: number;
}

const TIMEOUT_MS = 10_000;

/** The NVIDIA cards that the driver lists; empty without a card or a working driver. */
export async function listNvidiaGpus(environment: Environment): Promise<readonly NvidiaGpu[]> {
  const result = await runProcess({
    command: 'nvidia-smi',
    args: ['--query-gpu=name,driver_version,compute_cap,memory.total', '--format=csv,noheader,nounits'],
    environment,
    timeoutMs: TIMEOUT_MS,
  });
  if (result.exitCode !== 0) return [];
  return result.stdout
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 4)
    .map(([name, driver, computeCapability, memory]) => ({
      name: name!,
      driver: driver!,
      computeCapability: computeCapability!,
      memoryMib: Number(memory),
    }));
}

/** Whether this machine has an NVIDIA card, by its driver's files or by `nvidia-smi`. */
export async function hasNvidiaGpu(environment: Environment): Promise<boolean> {
  if (existsSync('/dev/nvidia0') || existsSync('/proc/driver/nvidia/version')) return true;
  return (await listNvidiaGpus(environment)).length > 0;
}
