"""Wall time inside the networks, per run."""

import time
from collections import deque

import torch


class ForwardClock:
    """
    Times forward passes. A GPU works behind the program's back: there the passes are timed by events, and at
    most two are in flight, so that progress is true and a cancellation is quick.
    """

    def __init__(self, run):
        self._run = run
        self._on_gpu = run.device.type == 'cuda'
        self._pending = deque()

    def __call__(self, network, tile):
        if not self._on_gpu or not tile.is_cuda:
            start = time.perf_counter()
            output = network(tile)
            self._run.forward_seconds += time.perf_counter() - start
            return output
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        output = network(tile)
        after.record()
        self._pending.append((before, after))
        if len(self._pending) > 2:
            self._collect()
        return output

    def _collect(self):
        before, after = self._pending.popleft()
        after.synchronize()
        self._run.forward_seconds += before.elapsed_time(after) / 1000

    def finish(self):
        while self._pending:
            self._collect()
