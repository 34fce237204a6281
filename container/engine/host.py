"""
The engine host: reads requests on stdin, answers on what was stdout at start (core/engine-protocol.ts), keeps
networks loaded between runs.

    python host.py --device auto|cpu|cuda|cuda:N|mps [--deterministic]
"""

from environment import Guard, Scratch, end_with_parent, prepare_engines, take_stdout, thread_count

PROTOCOL_DESCRIPTOR = take_stdout()

import argparse
import itertools
import os
import queue
import sys
import threading

from device import device_name, open_device, parse_device
from late_imports import late_imports
from protocol import PROTOCOL_VERSION, EngineError, Replies, parse_request
from run_context import RunContext


class Host:
    """A reader thread takes requests and answers what needs no engine; the main thread does the work in order."""

    def __init__(self, scratch, replies):
        self._scratch = scratch
        self._replies = replies
        self._queue = queue.PriorityQueue()
        self._taken = itertools.count()
        self._lock = threading.Lock()
        self._waiting = {}
        self._cancelled = set()
        self._hello = None
        self._engines = None
        self._failure = None
        self._handles = {}
        self._opened = 0
        self._operations = {
            'hello': self._greet,
            'load': self._load,
            'open': self._open,
            'run': self._run,
            'close': self._close,
            'shutdown': self._shutdown,
        }

    def read(self):
        """Until the worker closes stdin, which ends the process."""
        with open(0, 'rb', closefd=False) as lines:
            for line in lines:
                if line.strip():
                    self._take(line)
        self._scratch.leave(0)

    def _take(self, line):
        try:
            request = parse_request(line)
        except EngineError as error:
            self._replies.error(error.request_id, error)
            return
        if request['op'] == 'hello' and self._hello is not None:
            self._replies.done(request['id'], self._hello)
            return
        if request['op'] == 'cancel':
            self._replies.done(request['id'], {'found': self._cancel(request['target'])})
            return
        with self._lock:
            if request['id'] in self._waiting:
                error = EngineError('ENGINE_PROTOCOL', f'The request id {request["id"]} is in use.')
                self._replies.error(request['id'], error)
                return
            self._waiting[request['id']] = None
        # What is only loaded ahead of its use waits for whatever is used now.
        self._queue.put((request['op'] == 'load', next(self._taken), request))

    def _cancel(self, target):
        with self._lock:
            if target not in self._waiting:
                return False
            run = self._waiting[target]
            self._cancelled.add(target)
        if run is not None:
            run.cancel()
        return True

    def boot(self, arguments, threads, guard):
        """Imports the engines and tries the device; what fails here is the answer to every request."""
        try:
            device = open_device(parse_device(arguments.device))
            with late_imports():
                from engines import Engines, versions

            self._engines = Engines(device, threads, self._scratch, guard)
            if arguments.deterministic:
                self._engines.be_deterministic()
            self._hello = {
                'protocol': PROTOCOL_VERSION,
                'versions': versions(),
                'device': str(device),
                'deviceName': device_name(device),
                'pid': os.getpid(),
            }
        except EngineError as error:
            self._failure = error
        except Exception as problem:
            sys.excepthook(type(problem), problem, problem.__traceback__)
            said = f'{type(problem).__name__}: {problem}'
            self._failure = EngineError('ENGINE_START_FAILED', f'The engines cannot be loaded. {said}')

    def work(self):
        while True:
            *_, request = self._queue.get()
            if self._failure is not None:
                self._replies.error(request['id'], self._failure)
                self._scratch.leave(1)
            self._answer(request)
            with self._lock:
                self._waiting.pop(request['id'], None)
                self._cancelled.discard(request['id'])

    def _answer(self, request):
        from faults import error_of

        run = RunContext(request['id'], self._replies, self._engines.device)
        try:
            with self._lock:
                self._waiting[request['id']] = run
                if request['id'] in self._cancelled:
                    run.cancel()
            run.check()
            result = self._operations[request['op']](request, run)
        except Exception as problem:
            # A run begins with the stage `load`.
            error = error_of(problem, run.stage if request['op'] in ('run', 'load') else request['op'])
            self._replies.error(request['id'], error)
            if error.code == 'DEVICE_FAULT':
                # Nothing that this process asks of the card works from now on.
                self._failure = error
            return
        self._replies.done(request['id'], result)
        if request['op'] == 'shutdown':
            self._scratch.leave(0)

    def _greet(self, _request, _run):
        return self._hello

    def _shutdown(self, _request, _run):
        return {}

    def _load(self, request, _run):
        self._engines.load(request['call'])
        return {}

    def _open(self, request, _run):
        self._opened += 1
        handle = f'ct{self._opened}'
        self._handles[handle] = self._engines.open(request['ct'])
        return {'handle': handle}

    def _run(self, request, run):
        ct = self._handle(request)
        run.progress(0, 1)
        return self._engines.run(ct, request['call'], request['output'], run)

    def _close(self, request, _run):
        self._handle(request)
        del self._handles[request['handle']]
        return {}

    def _handle(self, request):
        if request['handle'] not in self._handles:
            raise EngineError('ENGINE_PROTOCOL', f'No CT is open under the handle {request["handle"]}.')
        return self._handles[request['handle']]


def main():
    parser = argparse.ArgumentParser(description='Segmentation engines behind a line protocol')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--deterministic', action='store_true', help='the same voxels in every run on one card')
    arguments = parser.parse_args()
    scratch, guard, threads = Scratch(), Guard(), thread_count()
    end_with_parent(scratch)
    prepare_engines(scratch, threads, arguments.device)
    guard.install()
    host = Host(scratch, Replies(PROTOCOL_DESCRIPTOR))
    threading.Thread(target=host.read, name='requests', daemon=True).start()
    host.boot(arguments, threads, guard)
    host.work()


if __name__ == '__main__':
    main()
