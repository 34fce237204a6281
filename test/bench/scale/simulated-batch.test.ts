import { expect, it } from 'vitest';
import { SimulatedBatch } from '../../../bench/scale/simulated-batch.ts';
import type { JobSpec } from '../../../core/ports.ts';

const spec = (at: number): JobSpec => ({
  name: `job-${at}`,
  command: ['--shard-key', 'x'],
  priority: 0,
  memoryMib: 1,
  vcpus: 1,
  timeoutSeconds: 60,
  gpu: true,
});

it('takes 50 submissions at once, refuses more as Batch does, and takes more a while later', async () => {
  const batch = new SimulatedBatch(async () => 0);
  const submit = (at: number): Promise<string> =>
    batch.submit(spec(at)).then(
      () => 'taken',
      (error: Error) => error.name,
    );

  const answers = await Promise.all(Array.from({ length: 120 }, (_, at) => submit(at)));
  await new Promise((resolve) => setTimeout(resolve, 200));

  const taken = answers.filter((answer) => answer === 'taken').length;
  expect(taken).toBeGreaterThanOrEqual(50);
  expect(taken).toBeLessThan(120);
  expect(new Set(answers)).toEqual(new Set(['taken', 'Batch.TooManyRequestsException']));
  expect(await submit(500)).toBe('taken');
  expect(await batch.wait('job-0')).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });
});
