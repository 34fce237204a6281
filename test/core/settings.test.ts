import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import { parseSettings } from '../../core/settings.ts';

describe('the settings', () => {
  it('have the defaults of the service this project replaces', () => {
    const settings = parseSettings({});

    expect(settings.HPB_MODEL_TIMEOUT_SECONDS).toBe(1800);
    expect(settings.HPB_KEEP_INTERMEDIATE).toBe(false);
    expect(settings.RESULTS_FOLDER).toBeUndefined();
  });

  it('take an empty variable as unset, and variables of other programs not at all', () => {
    expect(parseSettings({ HPB_DEVICE: '', PATH: '/bin' }).HPB_DEVICE).toBe('auto');
  });

  it.each([
    ['HPB_KEEP_INTERMEDIATE', '1', true],
    ['TOTALSEGMENTATOR_FORCE_CUDA', 'true', true],
    ['HPB_DEVICE', 'cuda:1', 'cuda:1'],
    ['OMP_NUM_THREADS', '2', 2],
    ['HPB_PUBLIC_URL', 'https://hpb.example.org:8443/', 'https://hpb.example.org:8443'],
  ] as const)('%s=%s', (name, value, parsed) => {
    expect(parseSettings({ [name]: value })[name]).toBe(parsed);
  });

  it.each([
    ['HPB_DEVICE', 'gpu'],
    ['HPB_MODEL_TIMEOUT_SECONDS', '-5'],
    ['HPB_MODEL_TIMEOUT_SECONDS', '2592000'],
    ['HPB_ENGINE_IDLE_SECONDS', '2592000'],
    ['HPB_KEEP_INTERMEDIATE', 'maybe'],
    ['OMP_NUM_THREADS', '1.5'],
    ['HPB_PUBLIC_URL', 'http://hpb.example.org'],
    ['HPB_PUBLIC_URL', 'https://hpb.example.org/ct'],
    ['HPB_PUBLIC_URL', 'https://me:secret@hpb.example.org'],
    ['HPB_PUBLIC_URL', 'hpb.example.org'],
  ])('%s=%s is refused with the name and the value', (name, value) => {
    let caught: unknown;
    try {
      parseSettings({ [name]: value });
    } catch (error) {
      caught = error;
    }

    expect(caught).toBeInstanceOf(HpbError);
    expect((caught as HpbError).code).toBe('SETTINGS_INVALID');
    expect((caught as HpbError).message).toContain(`${name}="${value}"`);
  });
});
