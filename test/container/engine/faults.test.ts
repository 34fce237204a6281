import { beforeAll, describe, expect, it } from 'vitest';
import { isErrorCode } from '../../../core/errors.ts';
import { engineAnswer } from '../../fixtures/engine-python.ts';

type Outcome = readonly [code: string, message: string, details: Readonly<Record<string, unknown>>];
let outcomes: Record<string, Outcome>;

/** Exceptions as torch, CUDA, Python and our own modules raise them, each in the stage in which it can come. */
const SCRIPT = `
import errno, pickle
import numpy as np
import torch
from environment import Forbidden
from faults import error_of
from protocol import Cancelled, EngineError
from totalseg import preprocessed
from nnunet_v1 import NetworkV1

class NetworkThatFails:
    def preprocess(self, voxels, spacing):
        raise IndexError('index -1 is out of bounds for axis 0 with size 0')

class NetworkWithoutMemory:
    def preprocess(self, voxels, spacing):
        raise np.core._exceptions._ArrayMemoryError((9, 9), np.dtype('float64'))

class CtThatFails:
    def itk_voxels(self):
        raise RuntimeError('Exception thrown in SimpleITK ImageFileReader_Execute')

class TrainerOfTheUsualKind:
    plans = {}

def v1():
    network = NetworkV1.__new__(NetworkV1)
    network.trainer = TrainerOfTheUsualKind()
    network._preprocess(CtThatFails())

def raised(problem):
    raise problem

CASES = {
    'v2 cannot preprocess': ('preprocess', lambda: preprocessed(NetworkThatFails(), None, None)),
    'v2 has no memory to preprocess': ('preprocess', lambda: preprocessed(NetworkWithoutMemory(), None, None)),
    'v1 cannot preprocess': ('preprocess', v1),
    'GPU memory': ('predict', lambda: raised(torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB'))),
    'GPU memory at load': ('load', lambda: raised(torch.OutOfMemoryError('CUDA out of memory.'))),
    'GPU memory as CUDA says it': ('load', lambda: raised(torch.AcceleratorError('CUDA error: out of memory', 2))),
    'GPU memory of MPS': ('predict', lambda: raised(RuntimeError('MPS backend out of memory (MPS allocated: 9 GB)'))),
    'illegal access': ('predict', lambda: raised(RuntimeError('CUDA error: an illegal memory access was encountered'))),
    'ECC': ('load', lambda: raised(RuntimeError('CUDA error: uncorrectable ECC error encountered'))),
    'accelerator': ('predict', lambda: raised(torch.AcceleratorError('the device is lost', 1))),
    'cuDNN': ('predict', lambda: raised(RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'))),
    'cuBLAS': ('predict', lambda: raised(RuntimeError('CUBLAS_STATUS_EXECUTION_FAILED when calling cublasSgemm'))),
    'GPU memory of cuBLAS': ('predict', lambda: raised(RuntimeError('CUBLAS_STATUS_ALLOC_FAILED: cublasCreate'))),
    'memory': ('export', lambda: raised(MemoryError())),
    'memory at load': ('load', lambda: raised(MemoryError())),
    'memory of torch': ('predict', lambda: raised(RuntimeError("DefaultCPUAllocator: can't allocate memory"))),
    'memory of the system': ('predict', lambda: raised(OSError(errno.ENOMEM, 'Cannot allocate memory'))),
    'full disk': ('export', lambda: raised(OSError(errno.ENOSPC, 'No space left on device'))),
    'full quota': ('export', lambda: raised(OSError(errno.EDQUOT, 'Disk quota exceeded'))),
    'no weights file': ('load', lambda: raised(FileNotFoundError(errno.ENOENT, 'No such file', 'plans.json'))),
    'broken weights file': ('load', lambda: pickle.loads(b'no checkpoint')),
    'network that does not fit': ('load', lambda: raised(RuntimeError('Error(s) in loading state_dict'))),
    'forbidden': ('load', lambda: raised(Forbidden('socket.connect', 'open network connections'))),
    'cancelled': ('predict', lambda: raised(Cancelled())),
    'own error': ('predict', lambda: raised(EngineError('BAD_OPTION', 'No such task.', task='x'))),
    'anything else': ('export', lambda: raised(ValueError('shapes do not match'))),
}

def outcome(stage, attempt):
    try:
        attempt()
    except Exception as problem:
        error = error_of(problem, stage)
        return [error.code, error.message, error.details]

def answer():
    return {name: outcome(*case) for name, case in CASES.items()}
`;

beforeAll(() => {
  outcomes = engineAnswer(SCRIPT) as Record<string, Outcome>;
});

describe('what the engine host says of a failure', () => {
  it.each([
    ['v2 cannot preprocess', 'PREPROCESSING_FAILED'],
    ['v2 has no memory to preprocess', 'OUT_OF_MEMORY'],
    ['v1 cannot preprocess', 'PREPROCESSING_FAILED'],
    ['GPU memory', 'GPU_OUT_OF_MEMORY'],
    ['GPU memory at load', 'GPU_OUT_OF_MEMORY'],
    ['GPU memory as CUDA says it', 'GPU_OUT_OF_MEMORY'],
    ['GPU memory of MPS', 'GPU_OUT_OF_MEMORY'],
    ['GPU memory of cuBLAS', 'GPU_OUT_OF_MEMORY'],
    ['illegal access', 'DEVICE_FAULT'],
    ['ECC', 'DEVICE_FAULT'],
    ['accelerator', 'DEVICE_FAULT'],
    ['cuDNN', 'DEVICE_FAULT'],
    ['cuBLAS', 'DEVICE_FAULT'],
    ['memory', 'OUT_OF_MEMORY'],
    ['memory at load', 'OUT_OF_MEMORY'],
    ['memory of torch', 'OUT_OF_MEMORY'],
    ['memory of the system', 'OUT_OF_MEMORY'],
    ['full disk', 'DISK_FULL'],
    ['full quota', 'DISK_FULL'],
    ['no weights file', 'WEIGHTS_MISSING'],
    ['broken weights file', 'WEIGHTS_CORRUPT'],
    ['network that does not fit', 'WEIGHTS_CORRUPT'],
    ['forbidden', 'ENGINE_FAILED'],
    ['cancelled', 'CANCELLED'],
    ['own error', 'BAD_OPTION'],
    ['anything else', 'ENGINE_FAILED'],
  ])('%s: %s', (name, code) => {
    expect(outcomes[name]![0]).toBe(code);
    expect(isErrorCode(code)).toBe(true);
  });

  it('names the stage, and what was forbidden', () => {
    expect(outcomes['GPU memory']![2]).toEqual({ stage: 'predict' });
    expect(outcomes['forbidden']).toEqual([
      'ENGINE_FAILED',
      'The engine tried what it must not: the engine host may not open network connections.',
      { stage: 'load', forbidden: 'socket.connect' },
    ]);
  });

  it('quotes what a lost preprocessing said', () => {
    expect(outcomes['v2 cannot preprocess']![1]).toContain('IndexError: index -1 is out of bounds');
  });
});
