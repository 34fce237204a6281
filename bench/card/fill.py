"""Takes all memory of a card but so many bytes, says so in a line, and keeps it until its input ends.

    python fill.py DEVICE BYTES

BYTES are what a process that starts afterwards finds free. On a CPU nothing is taken.
"""

import sys

import torch

device, left = torch.device(sys.argv[1]), int(sys.argv[2])
taken = []
if device.type == 'cuda':
    free, _ = torch.cuda.mem_get_info(device)
    if free < left:
        sys.exit(f'{free} bytes are free, {left} were to be left')
    taken.append(torch.empty(free - left, dtype=torch.uint8, device=device))
    free, _ = torch.cuda.mem_get_info(device)
    print(free, flush=True)
else:
    print(left, flush=True)
sys.stdin.read()
