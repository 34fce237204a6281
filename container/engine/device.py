"""The torch device of this process."""

import re

from protocol import EngineError


def parse_device(argument):
    """'auto', 'cpu', 'mps', 'cuda' or 'cuda:N', or EngineError."""
    if argument not in ('auto', 'cpu', 'mps', 'cuda') and re.fullmatch(r'cuda:\d+', argument) is None:
        raise EngineError('DEVICE_UNAVAILABLE', f'--device is auto, cpu, mps, cuda or cuda:N, not {argument}.')
    return argument


def open_device(argument):
    """The device, tried with one addition; never another one than was asked for."""
    import torch

    if argument == 'auto':
        argument = 'cuda' if torch.cuda.is_available() else 'cpu'
    if argument == 'cuda':
        argument = 'cuda:0'
    try:
        device = torch.device(argument)
        if device.type == 'cuda':
            if not torch.cuda.is_available():
                raise RuntimeError('torch sees no usable NVIDIA GPU')
            torch.cuda.set_device(device)
        if float((torch.ones(2, device=device) + 1).sum()) != 4:
            raise RuntimeError('it cannot add')
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        first_line = str(problem).strip().split('\n')[0]
        raise EngineError(
            'DEVICE_UNAVAILABLE',
            f'The device {argument} cannot be used: {first_line}',
            asked=argument,
            cudaBuild=torch.version.cuda,
            cudaDevices=torch.cuda.device_count() if torch.cuda.is_available() else 0,
        ) from problem
    return device


def device_name(device):
    """Name of the card; null on a CPU."""
    import torch

    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    return 'Apple GPU' if device.type == 'mps' else None
