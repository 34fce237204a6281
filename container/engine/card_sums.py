"""Where the sums of a sliding window lie: on the card while they fit there, else in RAM, which is slower and reported."""

import torch

#: What one forward pass of the largest patches takes beside sums and image, bytes: 1.7 GB at most on an H200, networks
#: and all, and other cards may want more. A card that turns out to be too small is noticed in time as well.
PASS_BYTES = 2_500_000_000


def with_sums(slide, device, sums_bytes, run):
    """
    `slide(where)` with the sums on the device, or in RAM when the card has not enough memory for `sums_bytes` of sums,
    weights and image. The card is asked before, so that a run does not fail late.
    """
    if device.type != 'cuda':
        return slide(torch.device('cpu'))
    if free_bytes(device) >= sums_bytes + PASS_BYTES:
        try:
            return slide(device)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    run.sums_in_ram = True
    return slide(torch.device('cpu'))


def free_bytes(device):
    """What the card has left, with what torch holds of it and does not use."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def near(data, device, where):
    """An image where its tiles are cut: beside the sums; in RAM it is pinned, from which a card takes tiles faster."""
    if device.type != 'cuda':
        return data
    pinned = data.pin_memory()
    return pinned.to(where, non_blocking=True) if where.type == 'cuda' else pinned


class CopiesTo:
    """Brings results to where the sums are. A pinned buffer takes those that go to RAM, one after the other."""

    def __init__(self, where):
        self._where = where
        self._buffer = None

    def __call__(self, result):
        """The copy may be changed, and lasts until the next one."""
        if result.device.type != 'cuda' or self._where.type == 'cuda':
            return result.to(self._where)
        if self._buffer is None or self._buffer.shape != result.shape or self._buffer.dtype != result.dtype:
            self._buffer = torch.empty(result.shape, dtype=result.dtype, pin_memory=True)
        return self._buffer.copy_(result)
