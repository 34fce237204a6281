import { afterEach, describe, expect, it } from 'vitest';
import { ComputePool } from '../../adapters/compute-pool.ts';
import { measureMask, type MaskToMeasure } from '../../core/volume/measure-mask.ts';
import type { Dims } from '../../core/volume/volume.ts';

const DIMS: Dims = [96, 96, 96];
const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];

/** A ball in shared memory, as the worker reads its masks; `repeat` makes it slow: every other voxel is a run. */
function ball(dims: Dims = DIMS, frayed = false): MaskToMeasure {
  const grid = { dims, affine: AFFINE };
  const voxels = dims[0] * dims[1] * dims[2];
  const data = new Int16Array(new SharedArrayBuffer(2 * voxels)).fill(40);
  const mask = new Uint8Array(new SharedArrayBuffer(voxels));
  for (let p = 0; p < voxels; p += 1) {
    const [x, y, z] = [p % dims[0], Math.floor(p / dims[0]) % dims[1], Math.floor(p / (dims[0] * dims[1]))];
    const inside = Math.hypot(x - dims[0] / 2, y - dims[1] / 2, z - dims[2] / 2) < dims[0] / 2.5;
    if (inside && !(frayed && (x + y + z) % 2 === 0)) mask[p] = 1;
  }
  return { ct: { grid, data, slope: 1, intercept: 0 }, mask: { grid, data: mask }, keep: { liver: [1] } };
}

const LARGE = ball([256, 256, 208]);
const FRAYED = ball([256, 256, 160], true);

const pools: ComputePool[] = [];
function poolOf(size: number): ComputePool {
  const pool = new ComputePool(size);
  pools.push(pool);
  return pool;
}
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

describe('ComputePool', () => {
  it('gives what the function itself gives, however many wait', async () => {
    const pool = poolOf(2);
    const input = ball();
    const own = measureMask(input);

    const found = await Promise.all(Array.from({ length: 5 }, () => pool.run('measureMask', input)));

    for (const one of found) expect(one).toEqual(own);
  });

  it('hands on an error as it was thrown, and works on', async () => {
    const pool = poolOf(1);
    const input = ball();
    const other = {
      ...input,
      mask: { ...input.mask, grid: { dims: [96, 96, 95] as const, affine: AFFINE } },
    };

    await expect(pool.run('measureMask', other)).rejects.toMatchObject({
      code: 'ENGINE_OUTPUT_MISMATCH',
      blame: 'system',
      message: expect.stringContaining('96x96x95'),
    });
    expect((await pool.run('measureMask', input)).statistics.size).toBe(1);
  });

  it('leaves the event loop free while it works', async () => {
    const pool = poolOf(2);
    await Promise.all([pool.run('measureMask', ball()), pool.run('measureMask', ball())]);
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 5);

    const start = performance.now();
    await pool.run('measureMask', FRAYED);
    clearInterval(ticking);
    const milliseconds = performance.now() - start;

    // In this thread it would be none. A tenth of what an idle machine gives is plenty on a busy one.
    expect(ticks).toBeGreaterThan(milliseconds / 50);
  });

  it('ends work that is cancelled at once, whether it runs or waits, and can go on', async () => {
    const pool = poolOf(1);
    const cancel = new AbortController();
    const running = pool.run('measureMask', FRAYED, cancel.signal);
    const waiting = pool.run('measureMask', FRAYED, cancel.signal);
    setTimeout(() => cancel.abort(), 20);

    const ended = await Promise.allSettled([running, waiting]);

    for (const one of ended) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } });
    expect((await pool.run('measureMask', ball())).components.get(1)!.count).toBe(1);
  });

  it('says so when what is given cannot be carried over', async () => {
    const pool = poolOf(1);
    const input = { ...ball(), keep: (() => undefined) as never };

    await expect(pool.run('measureMask', input)).rejects.toMatchObject({ code: 'UNEXPECTED' });
    expect((await pool.run('measureMask', ball())).statistics.size).toBe(1);
  });

  it('keeps threads warm, after large work too', async () => {
    const pool = poolOf(1);
    let started = 0;
    const count = (): void => void (started += 1);
    process.on('worker', count);

    await pool.run('measureMask', ball());
    await pool.run('measureMask', ball());
    // 40 MB of shared memory.
    await pool.run('measureMask', LARGE);
    const own = await Promise.all([pool.run('measureMask', LARGE), pool.run('measureMask', ball())]);
    process.off('worker', count);

    expect(started).toBe(1);
    expect(own.map(({ statistics }) => statistics.size)).toEqual([1, 1]);
  });

  it('ends what is left when it is closed', async () => {
    const pool = poolOf(1);
    const work = [pool.run('measureMask', FRAYED), pool.run('measureMask', FRAYED)];
    const ended = Promise.allSettled(work);

    await pool.close();

    expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
