"""Makes this process safe before any engine is imported: descriptors, folders, threads, no network, no children."""

import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import threading


def take_stdout():
    """A private duplicate of stdout for the protocol; from here on whatever prints lands on stderr."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return descriptor


def thread_count():
    """Threads for all numeric libraries: OMP_NUM_THREADS if set, else every core this process may use."""
    wanted = os.environ.get('OMP_NUM_THREADS', '')
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Scratch:
    """The folder of this process; gone when the process ends in any way it can notice."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='hpb-engine-')
        self._unfinished = set()

    def folder(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, exist_ok=True)
        return path

    def begin(self, path):
        """Registers a half-written file outside this folder."""
        self._unfinished.add(path)

    def end(self, path):
        self._unfinished.discard(path)

    def remove(self):
        for path in list(self._unfinished):
            try:
                os.unlink(path)
            except OSError:
                pass
        shutil.rmtree(self.path, ignore_errors=True)

    def leave(self, status):
        """Ends the process at once, whatever the other threads do."""
        self.remove()
        os._exit(status)


def prepare_engines(scratch, threads, device):
    """Environment that the engines read at import. Their folders are ours, never those of the weights."""
    home = scratch.folder('totalseg')
    with open(os.path.join(home, 'config.json'), 'w', encoding='utf-8') as file:
        json.dump(
            {
                'totalseg_id': 'totalseg_HPBENGIN',
                'send_usage_stats': False,
                'prediction_counter': 0,
                'statistics_disclaimer_shown': True,
            },
            file,
        )
    empty = scratch.folder('nnunet')
    os.environ.update(
        {
            # nnU-Net v1 checkpoints hold numpy objects; torch >= 2.6 refuses them by default.
            'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD': '1',
            # Nothing is spawned here: nnU-Net v2 uses it as the upper limit of torch's threads.
            'nnUNet_def_n_proc': str(threads),
            # Else nnU-Net v2 starts the program `hostname` at import.
            'nnUNet_n_proc_DA': '1',
            'OMP_NUM_THREADS': str(threads),
            'MKL_NUM_THREADS': str(threads),
            'TOTALSEG_HOME_DIR': home,
            'RESULTS_FOLDER': empty,
            'nnUNet_results': empty,
            'nnUNet_raw': empty,
            'nnUNet_raw_data_base': empty,
            'nnUNet_preprocessed': empty,
            'MPLCONFIGDIR': scratch.folder('matplotlib'),
            'TMPDIR': scratch.path,
        }
    )
    tempfile.tempdir = scratch.path
    # nnU-Net v1 uses a GPU whenever it sees one.
    if device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''


FORBIDDEN = {
    'socket.connect': 'open network connections',
    'socket.getaddrinfo': 'look up network names',
    'socket.gethostbyname': 'look up network names',
    'socket.sendto': 'send network packets',
    'subprocess.Popen': 'start programs',
    'os.system': 'start programs',
    'os.exec': 'start programs',
    'os.posix_spawn': 'start programs',
    'os.fork': 'fork',
    'os.forkpty': 'fork',
}

REMOVALS = {'os.remove', 'os.rmdir', 'os.rename', 'os.truncate', 'shutil.rmtree', 'shutil.move'}


class Guard:
    """An audit hook, which nothing can remove: no network, no child process, no deletion of weights."""

    def __init__(self):
        self._protected = ()

    def protect(self, folder):
        """No file below `folder` may be removed, renamed or cut by this process from now on."""
        path = os.path.realpath(folder)
        if path not in self._protected:
            self._protected = (*self._protected, path)

    def install(self):
        sys.addaudithook(self._watch)

    def _watch(self, event, arguments):
        if event in FORBIDDEN:
            raise PermissionError(f'the engine host may not {FORBIDDEN[event]}')
        if event in REMOVALS and self._protected:
            for argument in arguments[:2]:
                if isinstance(argument, (str, os.PathLike)) and self._is_weight(os.fspath(argument)):
                    raise PermissionError('the engine host may not change the weights')

    def _is_weight(self, path):
        real = os.path.realpath(path)
        return any(real == folder or real.startswith(folder + os.sep) for folder in self._protected)


def end_with_parent(scratch):
    """SIGTERM ends the process at once, even inside a long call of a library; so does the parent's death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Blocked here and so in every thread started later; one thread waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait():
        signal.sigwait({signal.SIGTERM})
        scratch.leave(128 + signal.SIGTERM)

    threading.Thread(target=wait, name='sigterm', daemon=True).start()
    if sys.platform == 'linux':
        set_parent_death_signal = 1
        try:
            ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM), 0, 0, 0)
        except (OSError, AttributeError):
            print('engine host: no parent-death signal on this system', file=sys.stderr)
