"""Runs the entry point named by the first argument (`package.module:function`) until stdin closes.

The test run holds the other end of stdin: when it dies, however it dies, the emulator goes with it, and so do the
processes that the emulator started.
"""

import importlib
import os
import signal
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main():
    module, _, function = sys.argv.pop(1).partition(":")
    threading.Thread(target=end_with_parent, daemon=True).start()
    getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    main()
