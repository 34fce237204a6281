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
    if device.type == 'cuda':
        test_card(device)
    return device


def test_card(device):
    """Refuses a card that this torch has no code for, or that does not compute what the CPU does."""
    import torch

    name, built_for = device_name(device), torch.cuda.get_arch_list()
    capability = torch.cuda.get_device_capability(device)
    if not has_code_for(capability, built_for):
        raise EngineError(
            'DEVICE_UNAVAILABLE',
            f'This torch is built for {" ".join(built_for)}, not for the {name} (sm_{capability[0]}{capability[1]}).',
            asked=str(device),
            reason='architecture',
            builtFor=' '.join(built_for),
        )
    try:
        difference = convolution_difference(device)
    except RuntimeError as problem:
        first_line = str(problem).strip().split('\n')[0]
        message = f'The {name} failed a convolution: {first_line}'
        raise EngineError('DEVICE_FAULT', message, asked=str(device)) from problem
    # Not a number is no agreement either.
    if not difference <= LARGEST_DIFFERENCE:
        raise EngineError('DEVICE_FAULT', f'The {name} computes a convolution wrongly.', asked=str(device))


#: Of a convolution on a card and on the CPU, relative to the largest value: reduced precision (TF32) differs by 1e-3.
LARGEST_DIFFERENCE = 1e-2


def has_code_for(capability, built_for):
    """Code for sm_75 runs on 7.5 to 7.9, and so on; compute_75 is translated for all newer ones."""
    major, minor = capability
    for entry in built_for:
        kind, _, number = entry.partition('_')
        digits = re.match(r'\d+', number)
        if digits is None:
            continue
        version = divmod(int(digits.group()), 10)
        if kind == 'sm' and version[0] == major and version[1] <= minor:
            return True
        if kind == 'compute' and version <= (major, minor):
            return True
    return False


def convolution_difference(device):
    """Largest difference of one 3D convolution on the device and on the CPU, relative to its largest value."""
    import torch

    image = torch.sin(torch.arange(4 * 16**3, dtype=torch.float32)).reshape(1, 4, 16, 16, 16)
    kernel = torch.cos(torch.arange(8 * 4 * 27, dtype=torch.float32)).reshape(8, 4, 3, 3, 3)
    expected = torch.nn.functional.conv3d(image, kernel)
    found = torch.nn.functional.conv3d(image.to(device), kernel.to(device)).cpu()
    return float((found - expected).abs().max() / expected.abs().max())


def device_name(device):
    """Name of the card; null on a CPU."""
    import torch

    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    return 'Apple GPU' if device.type == 'mps' else None
