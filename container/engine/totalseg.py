"""TotalSegmentator's own steps (python_api.totalsegmentator, nnunet.nnUNet_predict_image) on arrays in memory."""

import os

import nibabel
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from totalsegmentator.map_tasks_config import DEFAULT_CONFIG, TASK_CONFIGS, TASK_ID_WEIGHTS_CONFIGS
from totalsegmentator.map_to_binary import class_map, class_map_5_parts, map_taskid_to_partname_ct

from ct_image import itk_geometry
from grid import bounding_box, nearest, resample_linear
from protocol import EngineError
from run_context import TileCounter

#: The rough model: dataset and spacing in mm; the 3 mm one for tasks with `robust_crop`.
ROUGH = {False: (298, 6.0), True: (297, 3.0)}
ROUGH_TRAINER = 'nnUNetTrainer_4000epochs_NoMirroring'
PLANS = 'nnUNetPlans'
#: Around the box of the rough segmentation, whatever margin the task names.
MARGIN_MM = (20, 20, 20)

#: What TotalSegmentator does for some tasks and this host does not.
UNSUPPORTED = ('crop_model', 'cascade', 'remove_outside', 'remove_mask', 'commercial')

#: Larger images are predicted in three overlapping parts along z when several models run.
SPLIT_VOXELS, SPLIT_SLICES, SPLIT_MARGIN = 512 * 512 * 900, 200, 20


class Task:
    """What TotalSegmentator's tables say about one call."""

    def __init__(self, call):
        self.name = call['task']
        raw = TASK_CONFIGS.get(self.name)
        if raw is None or self.name not in class_map:
            raise EngineError('BAD_OPTION', f'TotalSegmentator has no task {self.name}.', task=self.name)
        config = dict(DEFAULT_CONFIG)
        if 'sub_modes' in raw:
            modes = raw['sub_modes']
            config.update(modes['fast'] if call['fast'] and 'fast' in modes else modes['default'])
        else:
            if call['fast'] and raw.get('disallow_fast'):
                raise EngineError('BAD_OPTION', f'The task {self.name} has no fast variant.', task=self.name)
            config.update(raw)
        self.several = isinstance(config['task_id'], list)
        crop = config['crop'] or []
        unknown_crop = any(name not in class_map['total'].values() for name in crop)
        if unknown_crop or any(config[name] for name in UNSUPPORTED) or not self._is_plain(config):
            raise EngineError('BAD_OPTION', f'The task {self.name} needs steps that this host lacks.', task=self.name)
        self.classes = self._classes(call)
        self.subset = call['roiSubset']
        self.multilabel = call['multilabel']
        spacing = config['resample']
        self.spacing = [spacing] * 3 if isinstance(spacing, float) else spacing
        self.crop_classes = config['crop'] if config['crop'] is not None else self.subset
        self.rough = ROUGH[bool(config['robust_crop'])]
        self.trainer, self.model, self.folds = config['trainer'], config['model'], config['folds']
        self.datasets = self._datasets(config['task_id'])
        self.step_size = 0.8 if self.name == 'total' else 0.5

    def _is_plain(self, config):
        special = self.name in ('body', 'total_v3', 'vertebrae_pp', 'vertebrae_pp_refined') or self.name.endswith('_mr')
        ids = config['task_id'] if self.several else [config['task_id']]
        return not special and (not self.several or self.name == 'total') and 304 not in ids

    def _classes(self, call):
        names = class_map[self.name]
        subset = call['roiSubset']
        if subset is None:
            if not call['multilabel']:
                raise EngineError('BAD_OPTION', 'A binary mask needs a subset of one class.')
            return dict(names)
        if self.name != 'total':
            raise EngineError('BAD_OPTION', f'The task {self.name} knows no subset.', task=self.name)
        unknown = [name for name in subset if name not in names.values()]
        if unknown:
            raise EngineError('BAD_OPTION', f'The task {self.name} has no class {unknown[0]}.', task=self.name)
        if not call['multilabel'] and len(subset) != 1:
            raise EngineError('BAD_OPTION', f'A binary mask needs one class, not {len(subset)}.')
        return {label: name for label, name in names.items() if name in subset}

    def _datasets(self, task_id):
        if not self.several:
            return [task_id]
        if self.subset is None:
            return task_id
        parts = {name: dataset for dataset, name in map_taskid_to_partname_ct.items()}
        return [
            parts[part]
            for part, names in class_map_5_parts.items()
            if any(name in self.subset for name in names.values())
        ]


def model_folder(root, dataset, trainer, model):
    """Where TotalSegmentator keeps a model; WEIGHTS_MISSING names the dataset's folder."""
    name = TASK_ID_WEIGHTS_CONFIGS[dataset]['foldername']
    if not os.path.isdir(os.path.join(root, name)):
        raise EngineError('WEIGHTS_MISSING', f'The weights {name} are missing in {root}.', folder=name)
    return os.path.join(root, name, f'{trainer}__{PLANS}__{model}')


class TotalSegmentator:
    """Runs tasks; `network_of(folder, folds)` hands out loaded networks."""

    def __init__(self, network_of, scratch):
        self._network_of = network_of
        self._scratch = scratch

    def load(self, call):
        """Loads what `segment` will need."""
        self._networks(Task(call), call['weightsRoot'])

    def _networks(self, task, root):
        """[(dataset, network), ...] of the task, and the rough one or None."""
        rough = None
        if task.crop_classes is not None:
            rough = self._network_of(model_folder(root, task.rough[0], ROUGH_TRAINER, '3d_fullres'), [0])
        networks = [
            (dataset, self._network_of(model_folder(root, dataset, task.trainer, task.model), task.folds))
            for dataset in task.datasets
        ]
        return networks, rough

    def segment(self, ct, call, run):
        """Labels uint8 [x, y, z] on the grid of the CT (0 and 1 without `multilabel`), and the largest label."""
        task = Task(call)
        root = call['weightsRoot']
        networks, rough = self._networks(task, root)
        largest = max(task.classes) if task.multilabel else 1
        box = None
        if rough is not None:
            box = self._crop_box(ct, task, (root, rough), run)
            if box is None:
                run.crop_empty = True
                run.enter('export')
                return np.zeros(ct.shape, np.uint8), largest
        run.enter('preprocess')
        labels = self._labels_in_box(ct, task, networks, box, run)
        run.enter('export')
        if not task.multilabel:
            return (labels == next(iter(task.classes))).view(np.uint8), largest
        if task.subset is not None:
            labels *= np.isin(labels, list(task.classes))
        return labels, largest

    def _crop_box(self, ct, task, rough, run):
        """Box of the rough segmentation with its margin, or None when it holds none of the classes."""
        run.enter('crop')
        root, network = rough
        dataset, spacing = task.rough
        key = ('rough', root, dataset)
        if key not in ct.found:
            image = Working(ct, None)
            resampled = image.resampled([spacing] * 3)
            voxels, itk_spacing = self._for_network(resampled)
            data, properties = preprocessed(network, voxels, itk_spacing)
            counter = TileCounter(run, network.tiles(data.shape[1:], 0.8))
            labels = network.segment(network.logits(data, 0.8, run, counter), properties)
            ct.found[key] = labels.transpose(2, 1, 0)
        labels = ct.found[key]
        numbers = [label for label, name in class_map['total'].items() if name in task.crop_classes]
        mask = Working(ct, None).restored(np.isin(labels, numbers).view(np.uint8))
        # Asked here and not before: thin structures can vanish on the way to a coarse CT.
        if not mask.any():
            return None
        margin = (np.array(MARGIN_MM) / ct.nifti(mask).header.get_zooms()).astype(int)
        return bounding_box(mask, margin)

    def _for_network(self, image):
        """An image of TotalSegmentator as nnU-Net reads it from the file that is usually between them."""
        spacing, _, _ = itk_geometry(image.header, self._scratch)
        voxels = np.asanyarray(image.dataobj).transpose(2, 1, 0).astype(np.float32)
        return voxels, [abs(size) for size in reversed(spacing)]

    def _labels_in_box(self, ct, task, networks, box, run):
        working = Working(ct, box)
        image = working.canonical() if task.spacing is None else working.resampled(task.spacing)
        voxels, spacing = self._for_network(image)
        parts = z_parts(image.shape) if task.several else [slice(None)]
        combined = None
        counter = None
        for index, (dataset, network) in enumerate(networks):
            pieces = []
            for part in parts:
                run.enter('preprocess')
                data, properties = preprocessed(network, voxels[part], spacing)
                run.enter('predict')
                if counter is None:
                    tiles = sum(other.tiles(data.shape[1:], task.step_size) for _, other in networks)
                    counter = TileCounter(run, tiles * len(parts))
                logits = network.logits(data, task.step_size, run, counter)
                run.spend_on('export')
                pieces.append(network.segment(logits, properties))
                del logits
            labels = join_parts(pieces)
            combined = total_labels(dataset, labels, combined) if task.several else labels
            voxels = None if index == len(networks) - 1 else voxels
        return working.restored(combined.transpose(2, 1, 0), resampled=task.spacing is not None)


def preprocessed(network, voxels, spacing):
    try:
        return network.preprocess(voxels, spacing)
    except (MemoryError, EngineError):
        raise
    except Exception as problem:
        raise EngineError(
            'PREPROCESSING_FAILED', f'nnU-Net cannot preprocess the CT: {type(problem).__name__}: {problem}'
        ) from problem


def z_parts(shape):
    """Slices along z (the first axis of a network's image) that TotalSegmentator predicts one by one."""
    if np.prod(shape) <= SPLIT_VOXELS or shape[2] <= SPLIT_SLICES:
        return [slice(None)]
    third = shape[2] // 3
    return [
        slice(0, third + SPLIT_MARGIN),
        slice(third + 1 - SPLIT_MARGIN, third * 2 + SPLIT_MARGIN),
        slice(third * 2 + 1 - SPLIT_MARGIN, None),
    ]


def join_parts(pieces):
    """The whole from the overlapping thirds of `z_parts`."""
    if len(pieces) == 1:
        return pieces[0]
    margin = SPLIT_MARGIN
    return np.concatenate([pieces[0][:-margin], pieces[1][margin - 1 : -margin], pieces[2][margin - 1 :]])


def total_labels(dataset, labels, combined):
    """Adds a part model's labels, renumbered to those of task total; later models win."""
    number_of = {name: label for label, name in class_map['total'].items()}
    part = class_map_5_parts[map_taskid_to_partname_ct[dataset]]
    table = np.zeros(256, np.uint8)
    for label, name in part.items():
        table[label] = number_of[name]
    renumbered = table[labels]
    if combined is None:
        return renumbered
    np.copyto(combined, renumbered, where=renumbered != 0)
    return combined


class Working:
    """The CT, or a box of it, on the way to a model and back: crop, canonical orientation, spacing."""

    def __init__(self, ct, box):
        self._ct = ct
        self._box = box
        voxels, affine = ct.voxels, ct.affine
        if box is not None:
            voxels = voxels[tuple(slice(*limits) for limits in box)].astype(np.int32)
            affine = np.copy(affine)
            affine[:3, 3] = np.dot(affine, np.array([*(limits[0] for limits in box), 1]))[:3]
        image = ct.nifti(voxels, affine)
        self._canonical = nibabel.as_closest_canonical(image)

    def canonical(self):
        return self._canonical

    def resampled(self, spacing):
        return resample_linear(self._canonical, spacing)

    def restored(self, labels, resampled=True):
        """Labels [x, y, z] of the model's grid on the grid of the whole CT."""
        if resampled:
            labels = nearest(labels, self._canonical.shape)
        to_canonical = io_orientation(self._ct.affine)
        labels = apply_orientation(labels, ornt_transform(axcodes2ornt('RAS'), to_canonical))
        if self._box is None:
            return np.asfortranarray(labels)
        whole = np.zeros(self._ct.shape, np.uint8, order='F')
        whole[tuple(slice(*limits) for limits in self._box)] = labels
        return whole
