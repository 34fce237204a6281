import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { weightSet } from '../../../core/models/weights.ts';
import { engineAnswer } from '../../fixtures/engine-python.ts';
import { ROOT } from '../../fixtures/hpb-command.ts';

const { folder, trainer } = weightSet('task008');
const DEMO = join(ROOT, 'container', 'engine', 'demo-weights', 'nnunet_v1', 'nnUNet', '3d_fullres');

describe('nnU-Net v1 on a device that its code does not know', () => {
  it('is refused, never moved to the CPU in silence', () => {
    const script = `
import torch
from nnunet_v1 import NetworkV1
from protocol import EngineError

def outcome(device):
    try:
        return str(NetworkV1(sys.argv[1], (0,), 'model_final_checkpoint', torch.device(device), 1).device)
    except EngineError as error:
        return [error.code, error.details]

def answer():
    return {device: outcome(device) for device in ('cpu', 'mps')}
`;

    expect(engineAnswer(script, [join(DEMO, folder, trainer)])).toEqual({
      cpu: 'cpu',
      mps: ['DEVICE_UNAVAILABLE', { asked: 'mps', engine: 'nnunet-v1' }],
    });
  });
});
