"""nnU-Net v1 (nnUNet_predict, mode normal) in this process, with networks that stay loaded."""

import os
from contextlib import nullcontext

import numpy as np
import torch
from batchgenerators.augmentations.utils import pad_nd_image
from nnunet.utilities import set_n_proc_DA

# It starts the program `hostname` while nnU-Net is imported, to choose how many processes train.
set_n_proc_DA.get_allowed_n_proc_DA = lambda: 1

from nnunet.network_architecture.neural_network import SegmentationNetwork
from nnunet.postprocessing.connected_components import load_postprocessing
from nnunet.preprocessing import preprocessing
from nnunet.preprocessing.cropping import crop_to_nonzero
from nnunet.preprocessing.preprocessing import GenericPreprocessor, get_do_separate_z, get_lowres_axis
from nnunet.training.model_restore import load_model_and_checkpoint_files

from card_sums import CopiesTo, near, with_sums
from forward_clock import ForwardClock
from interpolation import slice_by_slice
from largest_components import keep_largest_components
from nonzero_box import nonzero_box
from protocol import EngineError
from resampled_labels import resampled_labels
from run_context import TileCounter
from trainer_classes import import_trainer_v1
from unset_weights import unset_weights

#: Axes of the mirrorings in the order in which nnU-Net adds them up, as axes of a (batch, class, x, y, z) tensor.
MIRRORINGS = ((), (4,), (3,), (4, 3), (2,), (4, 2), (3, 2), (4, 3, 2))

STEP_SIZE = 0.5

# GenericPreprocessor looks it up there.
preprocessing.resample_data_or_seg = slice_by_slice(preprocessing.resample_data_or_seg)

#: Its code moves data with `.cuda()` or leaves it on the CPU.
DEVICES = ('cpu', 'cuda')


class NetworkV1:
    """A model folder with the parameters of the wanted folds in RAM and one network on the device."""

    def __init__(self, folder, folds, checkpoint, device, threads):
        if device.type not in DEVICES:
            # Never another device in silence: what runs on the CPU must have been asked to.
            raise EngineError(
                'DEVICE_UNAVAILABLE',
                f'nnU-Net v1 runs on CUDA or on the CPU, not on {device}: choose --device cpu for this model.',
                asked=str(device),
                engine='nnunet-v1',
            )
        self._folder = folder
        self.device = device
        self._threads = threads
        files = [os.path.join(f'fold_{fold}', f'{checkpoint}.model') for fold in folds]
        for file in ('plans.pkl', f'{files[0]}.pkl', *files):
            if not os.path.isfile(os.path.join(folder, file)):
                raise EngineError('WEIGHTS_MISSING', f'{file} is missing in {folder}.', folder=folder)
        import_trainer_v1(folder)
        with unset_weights():
            self.trainer, self._parameters = load_model_and_checkpoint_files(
                folder, list(folds), mixed_precision=True, checkpoint_name=checkpoint
            )
        for parameters in self._parameters:
            # The momentum of training, as large as the network.
            parameters['optimizer_state_dict'] = None
        if getattr(self.trainer, 'regions_class_order', None) is not None:
            raise EngineError('ENGINE_FAILED', 'Models with overlapping regions are not supported.')
        #: (deterministic, benchmark): the trainer's constructor sets them for the whole process; they belong to runs of
        #: this network only.
        self.cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
        self._network = self.trainer.network.to(self.device).eval()
        self._network.do_ds = False
        self.trainer.load_checkpoint_ram(self._parameters[0], False)
        self._loaded_fold = 0
        self._gaussian = None

    def segment(self, ct, tta, run):
        """Labels uint8 [z, y, x] as nnUNet_predict writes them, and the ITK geometry they belong to."""
        run.enter('preprocess')
        data, properties = self._preprocess(ct)
        run.enter('predict')
        softmax = self._predict(data, tta, run)
        run.enter('export')
        labels = self._labels(softmax, properties)
        geometry = properties['itk_spacing'], properties['itk_origin'], properties['itk_direction']
        return self._postprocess(labels, geometry, ct)

    def _preprocess(self, ct):
        try:
            return self._preprocessed(ct)
        except (MemoryError, EngineError):
            raise
        except Exception as problem:
            raise EngineError(
                'PREPROCESSING_FAILED', f'nnU-Net cannot preprocess the CT: {type(problem).__name__}: {problem}'
            ) from problem

    def _preprocessed(self, ct):
        """What trainer.preprocess_patient does, without work whose result nothing reads."""
        trainer = self.trainer
        if trainer.plans.get('preprocessor_name', 'GenericPreprocessor') != 'GenericPreprocessor':
            data, _, properties = trainer.preprocess_patient([ct.path])
            return data, properties
        data = ct.itk_voxels()[None]
        spacing, origin, direction = ct.itk_geometry()
        properties = {
            'original_size_of_raw_data': np.array(data.shape[1:]),
            'original_spacing': np.array(spacing)[[2, 1, 0]],
            'itk_spacing': spacing,
            'itk_origin': origin,
            'itk_direction': direction,
        }
        seg = None
        if any(trainer.use_mask_for_norm.values()):
            data, seg, box = crop_to_nonzero(data)
        else:
            box = nonzero_box(data[0])
            data = data[(slice(None), *(slice(*limits) for limits in box))]
        properties['crop_bbox'] = box
        properties['size_after_cropping'] = data[0].shape
        axes = (0, *(axis + 1 for axis in trainer.transpose_forward))
        preprocessor = GenericPreprocessor(
            *(trainer.normalization_schemes, trainer.use_mask_for_norm),
            *(trainer.transpose_forward, trainer.intensity_properties),
        )
        target = trainer.plans['plans_per_stage'][trainer.stage]['current_spacing']
        data, _, properties = preprocessor.resample_and_normalize(
            data.transpose(axes), target, properties, None if seg is None else seg.transpose(axes)
        )
        return data.astype(np.float32, copy=False), properties

    @torch.inference_mode()
    def _predict(self, data, tta, run):
        """Mean class probabilities of the folds, float32 numpy [class, x, y, z] in the network's axes."""
        patch = tuple(int(size) for size in self.trainer.patch_size)
        padded, unpad = pad_nd_image(data, patch, 'constant', {'constant_values': 0}, True, None)
        steps = SegmentationNetwork._compute_steps_for_sliding_window(patch, padded.shape[1:], STEP_SIZE)
        tiles = [
            tuple(slice(start, start + size) for start, size in zip((x, y, z), patch))
            for x in steps[0]
            for y in steps[1]
            for z in steps[2]
        ]
        counter = TileCounter(run, len(tiles) * len(self._parameters))
        gaussian = torch.from_numpy(self._gaussian_of(patch)) if len(tiles) > 1 else None
        slide = Slide(self._network, tiles, gaussian, self._mirrorings(tta), run, counter)
        mean = None
        with torch.autocast('cuda') if self.device.type == 'cuda' else nullcontext():
            for fold, parameters in enumerate(self._parameters):
                if self._loaded_fold != fold:
                    self.trainer.load_checkpoint_ram(parameters, False)
                    self._loaded_fold = fold
                probabilities = slide.probabilities(torch.from_numpy(padded), self.trainer.num_classes, self.device)
                mean = probabilities if mean is None else mean.add_(probabilities)
        if len(self._parameters) > 1:
            mean /= len(self._parameters)
        return mean[(slice(None), *unpad[1:])].cpu().numpy()

    def _mirrorings(self, tta):
        if not tta:
            return MIRRORINGS[:1]
        allowed = self.trainer.data_aug_params['mirror_axes']
        return tuple(axes for axes in MIRRORINGS if all(axis - 2 in allowed for axis in axes))

    def _gaussian_of(self, patch):
        if self._gaussian is None:
            self._gaussian = self._network._get_gaussian(patch, sigma_scale=1.0 / 8)
        return self._gaussian

    def _labels(self, softmax, properties):
        """nnU-Net's save_segmentation_nifti_from_softmax up to the array that it writes."""
        plans = self.trainer.plans
        if plans.get('transpose_forward') is not None:
            softmax = softmax.transpose([0, *(axis + 1 for axis in plans['transpose_backward'])])
        export = plans.get('segmentation_export_params', {})
        shape = tuple(int(size) for size in properties['size_after_cropping'])
        if tuple(softmax.shape[1:]) == shape:
            labels = softmax.argmax(0)
        else:
            separate, axis = separate_axis(properties, export.get('force_separate_z'))
            order, order_z = export.get('interpolation_order', 1), export.get('interpolation_order_z', 0)

            def resample(channel):
                values = softmax[channel : channel + 1]
                return preprocessing.resample_data_or_seg(values, shape, False, axis, order, separate, order_z)[0]

            labels = resampled_labels(resample, len(softmax), shape, self._threads)
        whole = np.zeros(properties['original_size_of_raw_data'], np.uint8)
        whole[tuple(slice(*limits) for limits in properties['crop_bbox'])] = labels
        return whole

    def _postprocess(self, labels, geometry, ct):
        file = os.path.join(self._folder, 'postprocessing.json')
        if not os.path.isfile(file):
            return labels, geometry
        classes, smallest = load_postprocessing(file)
        # nnU-Net reads the file that it has just written and writes it again: geometry passes NIfTI's float32 twice.
        geometry = ct.written_geometry(geometry)
        voxel_mm3 = float(np.prod(geometry[0], dtype=np.float64))
        return keep_largest_components(labels, classes, voxel_mm3, smallest), geometry


class Slide:
    """
    The sliding window of SegmentationNetwork: the same sums in the same order, on tensors. The sum of the weights
    is the same for all classes and folds, so it is made once.
    """

    def __init__(self, network, tiles, gaussian, mirrorings, run, counter):
        self._network = network
        self._tiles = tiles
        self._gaussian = gaussian
        self._mirrorings = mirrorings
        self._run = run
        self._counter = counter
        self._clock = ForwardClock(run)
        self._weights = None

    def probabilities(self, data, classes, device):
        """Class probabilities of one fold, float32; results lie where they fit."""
        # The sums of all classes, the weights and the image, all of them float32.
        needed = (classes + 2) * 4 * data[0].numel()
        return with_sums(lambda where: self._on(data, classes, device, where), device, needed, self._run)

    def _on(self, data, classes, device, results):
        data, copy = near(data, device, results), CopiesTo(results)
        gaussian = None if self._gaussian is None else self._gaussian.to(device)
        sums = torch.zeros((classes, *data.shape[1:]), dtype=torch.float32, device=results)
        for tile in self._tiles:
            patch = self._mirrored(data[(None, slice(None), *tile)].to(device))
            if gaussian is not None:
                patch *= gaussian
            sums[(slice(None), *tile)] += copy(patch)
            self._counter.step()
        self._clock.finish()
        sums /= self._weight_sums(data.shape[1:], results)
        return sums

    def _mirrored(self, tile):
        total = None
        for axes in self._mirrorings:
            self._run.check()
            logits = self._clock(self._network, torch.flip(tile, axes) if axes else tile)
            values = self._network.inference_apply_nonlin(logits)
            values = torch.flip(values, axes) if axes else values
            # A factor of one is left out: it would only copy.
            share = values if len(self._mirrorings) == 1 else 1 / len(self._mirrorings) * values
            total = share if total is None else total.add_(share)
        return total[0].float()

    def _weight_sums(self, shape, results):
        if self._weights is None or self._weights.device != results:
            weight = torch.ones((), dtype=torch.float32) if self._gaussian is None else self._gaussian
            self._weights = torch.zeros(tuple(shape), dtype=torch.float32, device=results)
            for tile in self._tiles:
                self._weights[tile] += weight.to(results)
        return self._weights


def separate_axis(properties, force):
    """Whether nnU-Net resamples the axis of thick slices apart, and which axis that is."""
    spacings = properties['original_spacing'], properties['spacing_after_resampling']
    separate, axis = bool(force), None
    if force is None:
        thick = [spacing for spacing in spacings if get_do_separate_z(spacing)]
        separate = len(thick) > 0
        axis = get_lowres_axis(thick[0]) if thick else None
    elif force:
        axis = get_lowres_axis(spacings[0])
    if axis is not None and len(axis) != 1:
        separate = False
    return separate, axis
