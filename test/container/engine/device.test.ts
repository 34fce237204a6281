import { beforeAll, describe, expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

/** The check of a card on this CPU: what is of the card is put in its place. */
const SCRIPT = `
import torch
import device
from protocol import EngineError

ARCHITECTURES = {
    'T4, its own': ((7, 5), ['sm_70', 'sm_75', 'sm_80']),
    'T4, an older one of its generation': ((7, 5), ['sm_70', 'sm_80']),
    'T4, newer ones only': ((7, 5), ['sm_80', 'sm_86', 'sm_90', 'compute_90']),
    'L4, of its generation': ((8, 9), ['sm_75', 'sm_80', 'sm_86']),
    'a new card, to be translated': ((12, 0), ['sm_90', 'compute_90']),
    'a new card, not to be': ((12, 0), ['sm_90', 'sm_90a']),
    'a CPU build': ((7, 5), []),
}

def checked(built_for, convolution):
    torch.cuda.get_device_capability = lambda card: (7, 5)
    torch.cuda.get_arch_list = lambda: built_for
    device.device_name = lambda card: 'Tesla T4'
    kept, device.convolution_difference = device.convolution_difference, convolution
    try:
        device.test_card(torch.device('cpu'))
        return 'ok'
    except EngineError as error:
        return [error.code, error.message, error.details.get('reason')]
    finally:
        device.convolution_difference = kept

def raised(text):
    raise RuntimeError(text)

def answer():
    good = ['sm_75']
    return {
        'code': {name: device.has_code_for(*case) for name, case in ARCHITECTURES.items()},
        'same': device.convolution_difference(torch.device('cpu')),
        'good': checked(good, device.convolution_difference),
        'old': checked(['sm_80'], device.convolution_difference),
        'wrong': checked(good, lambda card: 0.5),
        'nan': checked(good, lambda card: float('nan')),
        'fault': checked(good, lambda card: raised('CUDA error: uncorrectable ECC error encountered\\nmore')),
    }
`;

let answer: Record<string, unknown>;
beforeAll(() => {
  answer = engineAnswer(SCRIPT) as Record<string, unknown>;
});

describe('a card', () => {
  it('needs code of its own generation, or such that can be translated', () => {
    expect(answer['code']).toEqual({
      'T4, its own': true,
      'T4, an older one of its generation': true,
      'T4, newer ones only': false,
      'L4, of its generation': true,
      'a new card, to be translated': true,
      'a new card, not to be': false,
      'a CPU build': false,
    });
  });

  it('that computes what the CPU does is taken', () => {
    expect(answer['same']).toBe(0);
    expect(answer['good']).toBe('ok');
  });

  it('that torch has no code for is refused for that reason', () => {
    expect(answer['old']).toEqual([
      'DEVICE_UNAVAILABLE',
      'This torch is built for sm_80, not for the Tesla T4 (sm_75).',
      'architecture',
    ]);
  });

  it('that computes something else, or fails, is a fault', () => {
    expect(answer['wrong']).toEqual(['DEVICE_FAULT', 'The Tesla T4 computes a convolution wrongly.', null]);
    expect(answer['nan']).toEqual(['DEVICE_FAULT', 'The Tesla T4 computes a convolution wrongly.', null]);
    expect(answer['fault']).toEqual([
      'DEVICE_FAULT',
      'The Tesla T4 failed a convolution: CUDA error: uncorrectable ECC error encountered',
      null,
    ]);
  });
});
