"""Adds up the wall time of outermost torch.nn.Module calls of a process and writes it to a file at its end.

bench/plain-tools.ts learns by it how much of a plain command is network. HPB_FORWARD_CLOCK names the
folder for one text file per process. HPB_FIRST_FORWARD names a file instead, for the moments (Unix seconds) at which
the first of these calls began and ended.
"""

import os
import time


class Clock:
    def __init__(self) -> None:
        self.depth = 0
        self.seconds = 0.0
        self.marked = False

    def wrap(self, call):
        def timed(module, *args, **kwargs):
            self.depth += 1
            start = time.perf_counter()
            try:
                return call(module, *args, **kwargs)
            finally:
                self.depth -= 1
                if self.depth == 0:
                    self.seconds += time.perf_counter() - start
                    self.mark_first(time.perf_counter() - start)

        return timed

    def mark_first(self, seconds) -> None:
        path = os.environ.get("HPB_FIRST_FORWARD")
        if path is not None and not self.marked:
            self.marked = True
            end = time.time()
            # Whole when it is there: somebody waits for it.
            with open(path + ".part", "x") as file:
                file.write(f"{end - seconds} {end}")
            os.rename(path + ".part", path)

    def write(self) -> None:
        if self.seconds > 0 and "HPB_FORWARD_CLOCK" in os.environ:
            with open(os.path.join(os.environ["HPB_FORWARD_CLOCK"], str(os.getpid())), "w") as file:
                file.write(repr(self.seconds))
