import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { engineHost } from '../../container/wire.ts';
import { parseSettings } from '../../core/settings.ts';

function hostWith(environment: Readonly<Record<string, string>>) {
  const settings = parseSettings(environment);
  return engineHost({ settings, packageRoot: '/package', environment }, { venv: '/venv' }, '/scratch/tmp');
}

describe('the engine', () => {
  it("is our host under the environment's Python, with all cores and a home of its own", () => {
    const { command, args, environment } = hostWith({ HOME: '/home/someone' });

    expect(command).toBe(join('/venv', 'bin', 'python'));
    expect(args).toEqual(['/package/container/engine/host.py', '--device', 'auto']);
    expect(environment).toMatchObject({
      HOME: '/scratch/tmp',
      TMPDIR: '/scratch/tmp',
      OMP_NUM_THREADS: String(availableParallelism()),
      MKL_NUM_THREADS: String(availableParallelism()),
      TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: '1',
    });
  });

  it('gives the same voxels in every run only when it is asked to', () => {
    expect(hostWith({}).args).not.toContain('--deterministic');
    expect(hostWith({ HPB_DETERMINISTIC: '1' }).args).toContain('--deterministic');
  });

  it('takes the threads of the settings', () => {
    const { environment } = hostWith({ OMP_NUM_THREADS: '3', MKL_NUM_THREADS: '1' });

    expect([environment['OMP_NUM_THREADS'], environment['MKL_NUM_THREADS']]).toEqual(['3', '1']);
    expect(hostWith({ OMP_NUM_THREADS: '3' }).environment['MKL_NUM_THREADS']).toBe('3');
  });

  it('sees which GPUs are ours and nothing else of our environment', () => {
    const { environment } = hostWith({
      CUDA_VISIBLE_DEVICES: '1',
      AWS_SECRET_ACCESS_KEY: 'secret',
      RESULTS_FOLDER: '/weights',
      PYTHONPATH: '/elsewhere',
    });

    expect(Object.keys(environment).sort()).toEqual([
      'CUDA_VISIBLE_DEVICES',
      'HOME',
      'LANG',
      'MKL_NUM_THREADS',
      'OMP_NUM_THREADS',
      'PATH',
      'PYTHONDONTWRITEBYTECODE',
      'TMPDIR',
      'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD',
    ]);
  });

  it.each([
    [{ HPB_DEVICE: 'cuda:1' }, 'cuda:1'],
    [{ TOTALSEGMENTATOR_FORCE_CUDA: '1' }, 'cuda'],
    [{ TOTALSEGMENTATOR_FORCE_CUDA: '1', HPB_DEVICE: 'cuda:1' }, 'cuda:1'],
    [{ TOTALSEGMENTATOR_FORCE_CUDA: '0', HPB_DEVICE: 'cpu' }, 'cpu'],
  ])('with %j runs on %s', (environment, device) => {
    expect(hostWith(environment).args.at(-1)).toBe(device);
  });

  it('is not started on a CPU where CUDA was demanded', () => {
    expect(() => hostWith({ TOTALSEGMENTATOR_FORCE_CUDA: '1', HPB_DEVICE: 'cpu' })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }),
    );
  });
});
