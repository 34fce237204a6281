"""Wraps the calls of networks, for benchmarks.

Python imports this file by itself when its folder is on PYTHONPATH. HPB_FORWARD_ONCE asks for forward_once.py,
HPB_FORWARD_CLOCK and HPB_FIRST_FORWARD for outermost_clock.py; without any of them nothing is wrapped. No file here may
have the name of a module of the engine host: it would be taken instead.
"""

import atexit
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

TARGET = "torch.nn.modules.module"


class PatchOnImport(MetaPathFinder):
    """Lets torch import itself as usual, then wraps Module.__call__; torch is not imported early."""

    def __init__(self, wrap) -> None:
        self.wrap = wrap

    def find_spec(self, fullname, path=None, target=None):
        if fullname != TARGET:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.Module.__call__ = self.wrap(module.Module.__call__)

        spec.loader.exec_module = exec_module
        return spec


if "HPB_FORWARD_ONCE" in os.environ:
    from forward_once import Once

    sys.meta_path.insert(0, PatchOnImport(Once().wrap))
elif "HPB_FORWARD_CLOCK" in os.environ or "HPB_FIRST_FORWARD" in os.environ:
    from outermost_clock import Clock

    clock = Clock()
    sys.meta_path.insert(0, PatchOnImport(clock.wrap))
    atexit.register(clock.write)
