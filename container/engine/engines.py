"""The engines and their loaded networks; importing this file imports all of them."""

import platform
import resource
import sys
from importlib import metadata

import torch

from ct_image import Ct, count_labels
from interpolation import use_cores
from nnunet_v1 import NetworkV1
from nnunet_v2 import NetworkV2
from totalseg import TotalSegmentator

PACKAGES = {
    'torch': 'torch',
    'nnunet': 'nnunet',
    'nnunetv2': 'nnunetv2',
    'totalsegmentator': 'TotalSegmentator',
    'numpy': 'numpy',
    'SimpleITK': 'simpleitk',
    'nibabel': 'nibabel',
}


def versions():
    """Versions of Python and of the packages that decide about voxels."""
    found = {name: metadata.version(package) for name, package in PACKAGES.items()}
    return {'python': platform.python_version(), **found}


class Engines:
    """Opened CTs and loaded networks of this process; `deterministic`: the same voxels in every run on one card."""

    deterministic = False

    def __init__(self, device, threads, scratch, guard):
        self.device = device
        self._threads = threads
        self._scratch = scratch
        self._guard = guard
        self._networks = {}
        self._total_segmentator = TotalSegmentator(self._network_v2, scratch)
        torch.set_num_threads(threads)
        use_cores(threads)

    def be_deterministic(self):
        """A card adds up in any order for speed; from here on always in the same, slower."""
        self.deterministic = True
        # Of what has no such way torch warns.
        torch.use_deterministic_algorithms(True, warn_only=True)

    def open(self, path):
        return Ct(path, self._scratch)

    def load(self, call):
        """Loads the networks of a call before its run asks for them."""
        if call['engine'] == 'nnunet-v1':
            self._network_v1(call)
            return
        self._guard.protect(call['weightsRoot'])
        self._total_segmentator.load(call)

    def run(self, ct, call, output, run):
        """Writes the mask of one engine call and returns the result of the protocol."""
        # The allocator keeps the peak of all runs; this one counts from here.
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self.device)
        device, label_voxels = self._segment(ct, call, output, run)
        run.close()
        return {
            'device': str(device),
            'seconds': run.seconds,
            'forwardSeconds': run.forward_seconds,
            'tiles': run.tiles,
            'labelVoxels': label_voxels,
            'cropEmpty': run.crop_empty,
            'sumsInRam': run.sums_in_ram,
            'peakRssBytes': peak_rss_bytes(),
            'peakVramBytes': torch.cuda.max_memory_allocated(self.device) if self.device.type == 'cuda' else None,
        }

    def _segment(self, ct, call, output, run):
        if call['engine'] == 'nnunet-v1':
            network = self._network_v1(call)
            self._set_cudnn(*network.cudnn)
            mask, geometry = network.segment(ct, call['tta'], run)
            label_voxels = count_labels(mask, int(network.trainer.num_classes) - 1)
            ct.write_itk_mask(mask, geometry, output)
            return network.device, label_voxels
        self._guard.protect(call['weightsRoot'])
        self._set_cudnn(False, self.device.type == 'cuda')
        mask, largest = self._total_segmentator.segment(ct, call, run)
        label_voxels = count_labels(mask, largest)
        ct.write_mask(mask, output)
        return self.device, label_voxels

    def _set_cudnn(self, deterministic, benchmark):
        """As the plain tools have them, unless every run is to give the same voxels."""
        if self.deterministic:
            deterministic, benchmark = True, False
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic, benchmark

    def _network_v1(self, call):
        folder, folds = call['modelFolder'], tuple(call['folds'])
        self._guard.protect(folder)
        key = ('v1', folder, folds, call['checkpoint'])
        if key not in self._networks:
            self._networks[key] = NetworkV1(folder, folds, call['checkpoint'], self.device, self._threads)
        return self._networks[key]

    def _network_v2(self, folder, folds):
        key = ('v2', folder, tuple(folds))
        if key not in self._networks:
            self._networks[key] = NetworkV2(folder, folds, self.device, self._threads)
        return self._networks[key]


def peak_rss_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == 'darwin' else peak * 1024)
