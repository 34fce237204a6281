import './deployed-environment.ts';
import { describe, expect, it } from 'vitest';
import { canaryPhantom } from '../../core/canary.ts';
import { HpbError } from '../../core/errors.ts';
import { create } from '../../lambdas/canary.ts';
import { serviceFakes } from '../fakes/service-fakes.ts';

const phantom = canaryPhantom();
const plan = { everyHours: 24, phantom: () => phantom };

describe('the function of the canary', () => {
  it('starts one', async () => {
    const ports = serviceFakes();

    expect(await create(ports, plan)({})).toEqual({ canary: 'started', reason: null });
    expect(ports.samples.filter(({ name }) => name === 'CanaryFailed')).toEqual([]);
  });

  it('that cannot send it tells so, and fails by the code', async () => {
    const admission = async (): Promise<never> => {
      throw new HpbError('WEIGHTS_MISSING', 'None.', { remedy: 'Push them.' });
    };
    const ports = { ...serviceFakes(), admission };

    await expect(create(ports, plan)({})).rejects.toMatchObject({ name: 'WEIGHTS_MISSING' });
    expect(ports.samples).toEqual([{ name: 'CanaryFailed', value: 1 }]);
  });
});
