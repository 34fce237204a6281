"""What went wrong, as an error of the protocol."""

import errno
import sys
import traceback

import torch

from environment import Forbidden
from protocol import EngineError

#: What CUDA, cuDNN and cuBLAS say when the card or its driver failed.
DEVICE_FAULTS = ('CUDA error', 'cuDNN error', 'CUDNN_STATUS', 'CUBLAS_STATUS', 'cuBLAS', 'NVML', 'MPS backend')

#: What they say when the card is full, where torch has no class for it.
NO_GPU_MEMORY = (
    *('CUDA error: out of memory', 'CUBLAS_STATUS_ALLOC_FAILED', 'CUDNN_STATUS_ALLOC_FAILED'),
    'MPS backend out of memory',
)

NO_MEMORY = ("can't allocate memory", 'not enough memory', 'Cannot allocate memory', 'bad_alloc')


def error_of(problem, stage):
    """The EngineError for any exception of a run in `stage`; the traceback goes to stderr."""
    if isinstance(problem, EngineError):
        if problem.code not in ('CANCELLED', 'WEIGHTS_MISSING', 'BAD_OPTION', 'INPUT_NOT_FOUND', 'DEVICE_UNAVAILABLE'):
            traceback.print_exception(problem, file=sys.stderr)
        return problem
    traceback.print_exception(problem, file=sys.stderr)
    said = f'{type(problem).__name__}: {problem}'
    if isinstance(problem, Forbidden):
        message = f'The engine tried what it must not: {problem}.'
        return EngineError('ENGINE_FAILED', message, stage=stage, forbidden=problem.event)
    if isinstance(problem, torch.OutOfMemoryError) or any(text in str(problem) for text in NO_GPU_MEMORY):
        return EngineError('GPU_OUT_OF_MEMORY', f'The GPU has too little memory. {said}', stage=stage)
    if isinstance(problem, MemoryError) or any(text in str(problem) for text in NO_MEMORY):
        return EngineError('OUT_OF_MEMORY', f'This machine has too little memory. {said}', stage=stage)
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError('DISK_FULL', 'The disk is full, the engine could not write.', stage=stage)
    if is_device_fault(problem):
        return EngineError('DEVICE_FAULT', f'The GPU failed. {said}', stage=stage)
    if stage == 'load' and isinstance(problem, FileNotFoundError):
        return EngineError('WEIGHTS_MISSING', f'A file of the weights is missing. {said}', stage=stage)
    if stage == 'load':
        return EngineError('WEIGHTS_CORRUPT', f'The weights cannot be loaded. {said}', stage=stage)
    return EngineError('ENGINE_FAILED', f'The engine failed in the stage {stage}. {said}', stage=stage)


def is_device_fault(problem):
    fault = getattr(torch, 'AcceleratorError', None)
    if fault is not None and isinstance(problem, fault):
        return True
    return isinstance(problem, RuntimeError) and any(text in str(problem) for text in DEVICE_FAULTS)
