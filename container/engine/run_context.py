"""What one run knows about itself: stages and their seconds, tiles, forward time, progress, cancellation."""

import threading
import time

from protocol import Cancelled

STAGES = ('load', 'crop', 'preprocess', 'predict', 'export')

#: Progress lines of one stage come at least this far apart, except the last.
PROGRESS_SECONDS = 0.1


class RunContext:
    """Every moment of a run belongs to exactly one stage, so the seconds add up to its wall time."""

    def __init__(self, request_id, replies, device):
        self.device = device
        self.seconds = {}
        self.forward_seconds = 0.0
        self.tiles = 0
        self.crop_empty = False
        #: The card had not enough memory for them.
        self.sums_in_ram = False
        self._request_id = request_id
        self._replies = replies
        self._cancelled = threading.Event()
        self._stage = 'load'
        self._since = time.perf_counter()
        self._reported = ''
        self._last_report = 0.0

    @property
    def stage(self):
        return self._stage

    def enter(self, stage):
        """From now on time belongs to `stage`; announced once, and never backwards."""
        self.spend_on(stage)
        if self._reported == '' or STAGES.index(stage) > STAGES.index(self._reported):
            self.progress(0, 1)

    def spend_on(self, stage):
        """As `enter` without announcing it, for work of a later stage between the tiles of several networks."""
        self.check()
        self.close()
        self._stage = stage

    def close(self):
        now = time.perf_counter()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._since = now

    def progress(self, done, total):
        """Reports tiles done in the stage; stages that were passed already stay silent."""
        if self._reported != '' and STAGES.index(self._stage) < STAGES.index(self._reported):
            return
        now = time.perf_counter()
        if self._stage == self._reported and done < total and now - self._last_report < PROGRESS_SECONDS:
            return
        self._reported = self._stage
        self._last_report = now
        self._replies.progress(self._request_id, self._stage, done, total)

    def cancel(self):
        self._cancelled.set()

    def check(self):
        """Raises Cancelled if the worker asked for it; called between stages and at every tile."""
        if self._cancelled.is_set():
            raise Cancelled()


class TileCounter:
    """Counts and reports the tiles of one stage, which may span several networks."""

    def __init__(self, run, total):
        self._run = run
        self._total = max(total, 1)
        self._done = 0

    def step(self):
        self._done += 1
        self._run.tiles += 1
        self._run.progress(min(self._done, self._total), self._total)
        self._run.check()
