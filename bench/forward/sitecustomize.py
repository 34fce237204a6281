"""Wraps the calls of torch.nn.Module of a process, for benchmarks of tools that are left as they are.

Python imports this file by itself when its folder is on PYTHONPATH; without a variable of the following it does nothing.
HPB_FORWARD_CLOCK, HPB_FIRST_FORWARD: outermost_clock.py. HPB_FORWARD_ONCE: repeated_patch.py.
"""

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


if "HPB_FORWARD_CLOCK" in os.environ or "HPB_FIRST_FORWARD" in os.environ:
    from outermost_clock import started_clock

    sys.meta_path.insert(0, PatchOnImport(started_clock().wrap))
elif "HPB_FORWARD_ONCE" in os.environ:
    from repeated_patch import Once

    sys.meta_path.insert(0, PatchOnImport(Once().wrap))
