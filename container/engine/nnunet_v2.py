"""nnU-Net v2 networks kept in memory; the arithmetic of nnUNetPredictor without files, pools and tile threads."""

import os
from contextlib import nullcontext
from functools import lru_cache

import numpy as np
import torch
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
from nnunetv2.preprocessing.resampling import default_resampling
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

from card_sums import CopiesTo, near, with_sums
from forward_clock import ForwardClock
from interpolation import slice_by_slice
from nonzero_box import nonzero_box
from protocol import EngineError
from resampled_labels import resampled_labels
from trainer_classes import import_trainer_v2
from unset_weights import unset_weights

CHECKPOINT = 'checkpoint_final.pth'

# The functions that plans name look it up there.
default_resampling.resample_data_or_seg = slice_by_slice(default_resampling.resample_data_or_seg)

#: nnU-Net keeps two and forgets them after every case; a 128-cube takes a second to compute.
cached_gaussian = lru_cache(maxsize=16)(compute_gaussian.__wrapped__)


class NetworkV2:
    """One model folder: fold parameters in RAM, one network on the device."""

    def __init__(self, folder, folds, device, threads):
        for path in (folder, *(os.path.join(folder, f'fold_{fold}', CHECKPOINT) for fold in folds)):
            if not os.path.exists(path):
                raise EngineError(
                    'WEIGHTS_MISSING', f'The weights {os.path.relpath(path, os.path.dirname(folder))} are missing.',
                    folder=folder,
                )
        self.device = device
        self._threads = threads
        self._predictor = nnUNetPredictor(
            *(0.5, True, False, True), device=device, verbose=False, verbose_preprocessing=False, allow_tqdm=False
        )
        import_trainer_v2(folder)
        with unset_weights():
            self._predictor.initialize_from_trained_model_folder(folder, tuple(folds), CHECKPOINT)
        self._configuration = self._predictor.configuration_manager
        self._labels = self._predictor.label_manager
        self.largest_label = max(self._labels.foreground_labels)
        self._network = self._predictor.network.to(device).eval()
        self._loaded_fold = 0

    def preprocess(self, voxels, spacing):
        """nnU-Net's DefaultPreprocessor on float32 [z, y, x]; spacing in the same order."""
        plans, configuration = self._predictor.plans_manager, self._configuration
        data = voxels[None].transpose([0, *[axis + 1 for axis in plans.transpose_forward]])
        spacing = [spacing[axis] for axis in plans.transpose_forward]
        properties = {'spacing': spacing, 'shape_before_cropping': data.shape[1:]}
        if any(configuration.use_mask_for_norm):
            data, nonzero, box = crop_to_nonzero(data, None)
        else:
            nonzero, box = [None], nonzero_box(data[0])
            data = data[(slice(None), *(slice(*limits) for limits in box))]
        properties['box'] = box
        properties['cropped_shape'] = data.shape[1:]
        preprocessor = configuration.preprocessor_class(verbose=False)
        # Normalising works in place.
        data = preprocessor._normalize(
            np.array(data, np.float32, order='C'), nonzero, configuration, plans.foreground_intensity_properties_per_channel
        )
        shape = compute_new_shape(data.shape[1:], spacing, configuration.spacing)
        return configuration.resampling_fn_data(data, shape, spacing, configuration.spacing), properties

    def _slicers(self, shape, step_size):
        self._predictor.tile_step_size = step_size
        padded = [max(size, patch) for size, patch in zip(shape, self._configuration.patch_size)]
        return self._predictor._internal_get_sliding_window_slicers(tuple(padded))

    def tiles(self, shape, step_size):
        """Tiles of a preprocessed image of this shape, over all folds."""
        return len(self._slicers(shape, step_size)) * len(self._predictor.list_of_parameters)

    @torch.inference_mode()
    def logits(self, data, step_size, run, counter):
        """Mean logits of the folds, float16 [class, z, y, x]; on the device when they fit there."""
        data = torch.from_numpy(np.ascontiguousarray(data))
        padded, unpad = pad_nd_image(data, self._configuration.patch_size, 'constant', {'value': 0}, True, None)
        total = None
        parameters = self._predictor.list_of_parameters
        with torch.autocast('cuda') if self.device.type == 'cuda' else nullcontext():
            for fold, weights in enumerate(parameters):
                if self._loaded_fold != fold:
                    self._network.load_state_dict(weights)
                    self._loaded_fold = fold
                logits = self._fold_logits(padded, step_size, run, counter)
                # As nnU-Net does it, several folds are added up on the CPU.
                logits = logits.cpu() if len(parameters) > 1 else logits
                total = logits if total is None else total.add_(logits)
        if len(parameters) > 1:
            total /= len(parameters)
        return total[(slice(None), *unpad[1:])]

    def _fold_logits(self, data, step_size, run, counter):
        slicers = self._slicers(data.shape[1:], step_size)
        # Sums of all classes and their weights in float16, the image in float32.
        needed = (2 * (self._labels.num_segmentation_heads + 1) + 4) * data[0].numel()
        return with_sums(lambda where: self._slide(data, slicers, where, run, counter), self.device, needed, run)

    def _slide(self, data, slicers, results, run, counter):
        patch = tuple(self._configuration.patch_size)
        clock = ForwardClock(run)
        data, copy = near(data, self.device, results), CopiesTo(results)
        sums = torch.zeros((self._labels.num_segmentation_heads, *data.shape[1:]), dtype=torch.half, device=results)
        weights = torch.zeros(data.shape[1:], dtype=torch.half, device=results)
        gaussian = cached_gaussian(patch, sigma_scale=1.0 / 8, value_scaling_factor=10, device=results)
        for slicer in slicers:
            tile = torch.clone(data[slicer][None], memory_format=torch.contiguous_format).to(self.device)
            prediction = copy(clock(self._network, tile)[0])
            add_weighted(sums, slicer, prediction, gaussian)
            weights[slicer[1:]] += gaussian
            counter.step()
        clock.finish()
        return torch.div(sums, weights, out=sums)

    @torch.inference_mode()
    def segment(self, logits, properties):
        """Labels uint8 [z, y, x] on the grid that `preprocess` got."""
        plans = self._predictor.plans_manager
        cropped_shape = properties['cropped_shape']
        if self._labels.has_regions:
            raise EngineError('ENGINE_FAILED', 'Models with overlapping regions are not supported.')
        if tuple(logits.shape[1:]) == tuple(cropped_shape):
            labels = first_largest(logits)
        else:
            refuse_infinite(logits)
            labels = self._resampled_labels(logits.cpu().numpy(), cropped_shape, properties['spacing'])
        whole = np.zeros(properties['shape_before_cropping'], np.uint8)
        whole[tuple(slice(*limits) for limits in properties['box'])] = labels
        return whole.transpose(plans.transpose_backward)

    def _resampled_labels(self, logits, shape, spacing):
        def resample(channel):
            return self._configuration.resampling_fn_probabilities(
                logits[channel : channel + 1], shape, self._configuration.spacing, spacing
            )[0]

        return resampled_labels(resample, len(logits), shape, self._threads)


#: Values per step of `add_weighted`: few enough for the cache, enough for every thread.
STEP_VALUES = 4_000_000


def add_weighted(sums, slicer, prediction, gaussian):
    """
    sums[slicer] += prediction * gaussian as nnU-Net rounds it. Float32 predictions on the CPU go a few classes at
    a time, which is the same arithmetic and much faster than mixed types over all classes.
    """
    if prediction.dtype != torch.float32 or sums.is_cuda:
        prediction *= gaussian
        sums[slicer] += prediction
        return
    gaussian = gaussian.float()
    step = max(1, STEP_VALUES // gaussian.numel())
    for first in range(0, len(prediction), step):
        classes = slice(first, first + step)
        part = sums[(classes, *slicer[1:])]
        part.copy_(part.float().add_(prediction[classes].mul_(gaussian)))


#: Slices per step of `first_largest`: its intermediate indices are int64.
ARGMAX_SLICES = 16


def first_largest(logits):
    """argmax over the first axis as uint8 numpy array; the first of equal values, as numpy does it."""
    labels = torch.empty(logits.shape[1:], dtype=torch.uint8)
    for start in range(0, labels.shape[0], ARGMAX_SLICES):
        part = slice(start, start + ARGMAX_SLICES)
        values, indices = logits[:, part].max(0)
        refuse_infinite(values)
        labels[part] = indices.to(torch.uint8).cpu()
    return labels.numpy()


def refuse_infinite(values):
    if not bool(torch.isfinite(values).all()):
        raise EngineError('ENGINE_FAILED', 'The network gave values that are no finite numbers.')
