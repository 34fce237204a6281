"""Makes this process safe before any engine is imported: descriptors, folders, threads, no network, no children."""

import ctypes
import json
import multiprocessing.util
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
            # Read when a card is first used: what `--deterministic` asks of cuBLAS, at 24 MB of the card.
            'CUBLAS_WORKSPACE_CONFIG': ':4096:8',
            'MPLBACKEND': 'agg',
            'MPLCONFIGDIR': scratch.folder('matplotlib'),
            'TMPDIR': scratch.path,
        }
    )
    tempfile.tempdir = scratch.path
    # nnU-Net v1 uses a GPU whenever it sees one.
    if device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''


#: What libraries might do and this process may not: audit event -> what it is.
FORBIDDEN = {
    'socket.connect': 'open network connections',
    'socket.getaddrinfo': 'look up network names',
    'socket.gethostbyname': 'look up network names',
    'socket.gethostbyaddr': 'look up network names',
    'socket.sendto': 'send network packets',
    'socket.sendmsg': 'send network packets',
    'subprocess.Popen': 'start programs',
    'os.system': 'start programs',
    'os.exec': 'start programs',
    'os.posix_spawn': 'start programs',
    'os.fork': 'fork',
    'os.forkpty': 'fork',
}

#: They also do harm when they are asked of a folder above the weights.
REMOVALS = {'os.remove', 'os.rmdir', 'os.rename', 'shutil.rmtree', 'shutil.move'}
CHANGES = {'os.truncate', 'os.mkdir', 'os.link', 'os.symlink', 'os.chmod', 'os.chown', 'os.utime'}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(PermissionError):
    """What `Guard` refused; `event` is Python's name of it."""

    def __init__(self, event, what):
        super().__init__(f'the engine host may not {what}')
        self.event = event


class Guard:
    """
    An audit hook, which nothing can remove: no network, no child process, no change to weights. It sees what Python
    code does; libraries that write files by themselves (ITK) are given no path of weights.
    """

    def __init__(self):
        self._protected = ()

    def protect(self, folder):
        """No file below `folder` may be removed, renamed, written or made by this process from now on."""
        path = os.path.realpath(folder)
        if path not in self._protected:
            self._protected = (*self._protected, path)

    def install(self):
        sys.addaudithook(self._watch)
        # The one way to a child that no event announces: pools of multiprocessing's method `spawn`.
        multiprocessing.util.spawnv_passfds = refuse_spawn

    def _watch(self, event, arguments):
        if event in FORBIDDEN:
            raise Forbidden(event, FORBIDDEN[event])
        if not self._protected:
            return
        if event == 'open':
            path, _, flags = arguments
            if flags & WRITING and self._is_weight(path):
                raise Forbidden(event, 'write below the weights')
        elif event in REMOVALS or event in CHANGES:
            paths = arguments[:2]
            above = event in REMOVALS and any(self._holds_weights(path) for path in paths)
            if above or any(self._is_weight(path) for path in paths):
                raise Forbidden(event, 'change the weights')

    def _is_weight(self, path):
        real = real_path(path)
        return real is not None and any(is_within(real, folder) for folder in self._protected)

    def _holds_weights(self, path):
        real = real_path(path)
        return real is not None and any(is_within(folder, real) for folder in self._protected)


def refuse_spawn(*_arguments):
    raise Forbidden('multiprocessing.spawn', 'start programs')


def real_path(path):
    """The path without links; None for a descriptor, or whatever else stands in its place in an audit event."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    return os.path.realpath(os.fsdecode(path))


def is_within(path, folder):
    return path == folder or path.startswith(folder + os.sep)


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
