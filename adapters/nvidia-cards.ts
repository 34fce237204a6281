import { runProcess, type Environment } from './run-process.ts';

/** An NVIDIA card that this process sees, at one moment. */
export interface CardReading {
  readonly uuid: string;
  readonly memoryUsedBytes: number;
  /** Of its time, 0 to 100; null where the driver does not say. */
  readonly utilisationPercent: number | null;
}

const MIB = 2 ** 20;
const TIMEOUT_MS = 10_000;
const QUERY = ['--query-gpu=uuid,memory.used,utilization.gpu', '--format=csv,noheader,nounits'];

/** The cards that `nvidia-smi` lists; empty without a card, without the program, or when it hangs. */
export async function readCards(environment: Environment): Promise<readonly CardReading[]> {
  const { exitCode, stdout } = await runProcess({
    command: 'nvidia-smi',
    args: QUERY,
    environment: { PATH: environment['PATH'] },
    timeoutMs: TIMEOUT_MS,
  });
  if (exitCode !== 0) return [];
  return stdout
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter(([uuid, used]) => uuid?.startsWith('GPU-') && isNumber(used))
    .map(([uuid, used, busy]) => ({
      uuid: uuid!,
      memoryUsedBytes: Number(used) * MIB,
      utilisationPercent: isNumber(busy) ? Number(busy) : null,
    }));
}

const isNumber = (text: string | undefined): boolean => /^\d+$/.test(text ?? '');
