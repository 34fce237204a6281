"""The engines and their loaded networks; importing this file imports all of them."""

import platform
import resource
import sys
from importlib import metadata

import torch

from ct_image import Ct, count_labels
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
    """Opened CTs and loaded networks of this process."""

    def __init__(self, device, threads, scratch, guard):
        self.device = device
        self._threads = threads
        self._scratch = scratch
        self._guard = guard
        self._networks = {}
        self._total_segmentator = TotalSegmentator(self._network_v2, scratch)
        torch.set_num_threads(threads)

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
            'peakRssBytes': peak_rss_bytes(),
            'peakVramBytes': torch.cuda.max_memory_allocated(self.device) if self.device.type == 'cuda' else None,
        }

    def _segment(self, ct, call, output, run):
        if call['engine'] == 'nnunet-v1':
            network = self._network_v1(call)
            mask, geometry = network.segment(ct, call['tta'], run)
            label_voxels = count_labels(mask, int(network.trainer.num_classes) - 1)
            ct.write_itk_mask(mask, geometry, output)
            return network.device, label_voxels
        self._guard.protect(call['weightsRoot'])
        # nnU-Net v1 trainers set these for the whole process.
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, self.device.type == 'cuda'
        mask, largest = self._total_segmentator.segment(ct, call, run)
        label_voxels = count_labels(mask, largest)
        ct.write_mask(mask, output)
        return self.device, label_voxels

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
