"""Does the installed torch hold code for the cards it is built for? A build for GPUs must for the T4."""

import sys

import torch

#: Compute capability 7.5: the T4 of g4dn machines.
NEEDED = 'sm_75'


def main():
    # `torch.cuda.get_arch_list()` is empty on a machine without a card.
    built_for = torch._C._cuda_getArchFlags() if torch.version.cuda else None
    print(f'torch {torch.__version__}, CUDA {torch.version.cuda}, built for {built_for or "CPUs"}')
    if torch.version.cuda and NEEDED not in (built_for or '').split():
        sys.exit(f'this torch has no code for {NEEDED}')


if __name__ == '__main__':
    main()
