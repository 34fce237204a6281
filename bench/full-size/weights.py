"""Writes networks of the real sizes with random weights, in the official layouts, for benchmarks only.

    .venv/bin/python bench/full-size/weights.py OUT [--task008-spacing Z Y X]

OUT/nnunet_v1/Task008_HepaticVessel/... and OUT/totalseg/Dataset.../... then hold what the published models hold:
the same stages, features and patch sizes (Task008: 64 x 192 x 192; 1.5 mm models: 128^3; 3 and 6 mm models:
112 x 112 x 128). TotalSegmentator networks have a bias that calls every voxel liver, so that the rough crop keeps
the whole CT: the worst case, and never an empty crop.
"""

import argparse
import json
import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

os.environ.setdefault("RESULTS_FOLDER", "/tmp")
sys.stdout = sys.stderr

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from nnunet.network_architecture.generic_UNet import Generic_UNet
from nnunet.network_architecture.initialization import InitWeights_He
from torch import nn

KERNEL = [3, 3, 3]
INTENSITIES = {"mean": 104.37, "std": 52.62, "percentile_00_5": -3.0, "percentile_99_5": 243.0}
NORM = {"eps": 1e-5, "affine": True}

TASK008_POOLS = [[1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2]]
TASK008_PATCH = [64, 192, 192]

TOTAL_TRAINER = "nnUNetTrainerNoMirroring"
ROUGH_TRAINER = "nnUNetTrainer_4000epochs_NoMirroring"
TASK008_SPACING = (1.5, 0.8, 0.8)
# dataset folder, trainer, outputs, spacing in mm (z, y, x, with the network of Task008, or one for all), value of the
# label `liver` or None
DATASETS = [
    ("Dataset291_TotalSegmentator_part1_organs_1559subj", TOTAL_TRAINER, 25, 1.5, 5),
    ("Dataset292_TotalSegmentator_part2_vertebrae_1532subj", TOTAL_TRAINER, 27, 1.5, None),
    ("Dataset293_TotalSegmentator_part3_cardiac_1559subj", TOTAL_TRAINER, 19, 1.5, None),
    ("Dataset294_TotalSegmentator_part4_muscles_1559subj", TOTAL_TRAINER, 24, 1.5, None),
    ("Dataset295_TotalSegmentator_part5_ribs_1559subj", TOTAL_TRAINER, 27, 1.5, None),
    ("Dataset297_TotalSegmentator_total_3mm_1559subj", ROUGH_TRAINER, 118, 3.0, 5),
    ("Dataset298_TotalSegmentator_total_6mm_1559subj", ROUGH_TRAINER, 118, 6.0, 5),
    ("Dataset008_HepaticVessel", "nnUNetTrainer", 3, TASK008_SPACING, None),
    ("Dataset570_ct_liver_segments", TOTAL_TRAINER, 9, (1.5, 0.8047, 0.8047), None),
]


def task008_plans(spacing):
    stage = {
        "batch_size": 2,
        "num_pool_per_axis": [3, 5, 5],
        "patch_size": np.array(TASK008_PATCH),
        "current_spacing": np.array(spacing),
        "original_spacing": np.array(spacing),
        "do_dummy_2D_data_aug": False,
        "pool_op_kernel_sizes": TASK008_POOLS,
        "conv_kernel_sizes": [KERNEL] * (len(TASK008_POOLS) + 1),
    }
    properties = {"median": 104.0, "mean": 104.37, "sd": 52.62, "mn": -1024.0, "mx": 3072.0}
    properties |= {"percentile_99_5": 243.0, "percentile_00_5": -3.0}
    return {
        "num_stages": 1,
        "num_modalities": 1,
        "modalities": {0: "CT"},
        "normalization_schemes": OrderedDict({0: "CT"}),
        "dataset_properties": {"intensityproperties": {0: properties}},
        "num_classes": 2,
        "all_classes": [1, 2],
        "base_num_features": 32,
        "use_mask_for_norm": OrderedDict({0: False}),
        "keep_only_largest_region": None,
        "min_region_size_per_class": None,
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "data_identifier": "nnUNetData_plans_v2.1",
        "preprocessor_name": "GenericPreprocessor",
        "conv_per_stage": 2,
        "plans_per_stage": {0: stage},
    }


def write_task008(root: Path, spacing) -> None:
    folder = root / "Task008_HepaticVessel" / "nnUNetTrainerV2__nnUNetPlansv2.1"
    plans = task008_plans(spacing)
    folder.mkdir(parents=True)
    (folder / "plans.pkl").write_bytes(pickle.dumps(plans))
    (folder / "postprocessing.json").write_text('{"for_which_classes": [], "min_valid_object_sizes": "{}"}')
    for fold in (0, 1):
        torch.manual_seed(fold)
        network = Generic_UNet(
            1, 32, 3, len(TASK008_POOLS), 2, 2, nn.Conv3d, nn.InstanceNorm3d, NORM, nn.Dropout3d,
            {"p": 0, "inplace": True}, nn.LeakyReLU, {"negative_slope": 1e-2, "inplace": True}, True, False,
            lambda x: x, InitWeights_He(1e-2), TASK008_POOLS, [KERNEL] * (len(TASK008_POOLS) + 1), False, True, True,
        )  # fmt: skip
        target = folder / f"fold_{fold}"
        target.mkdir()
        checkpoint = {
            "epoch": 0,
            "state_dict": network.state_dict(),
            "optimizer_state_dict": None,
            "lr_scheduler_state_dict": None,
            "plot_stuff": ([], [], [], []),
            "best_stuff": (0.0, 0.0, 0.0),
        }
        torch.save(checkpoint, target / "model_final_checkpoint.model")
        init = (str(folder / "plans.pkl"), fold, str(folder), str(folder), False, 0, True, False, True)
        info = {"init": init, "name": "nnUNetTrainerV2", "class": "nnUNetTrainerV2", "plans": plans}
        (target / "model_final_checkpoint.model.pkl").write_bytes(pickle.dumps(info))


def architecture(stages: int):
    pools = [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1)
    arguments = {
        "n_stages": stages,
        "features_per_stage": [min(32 * 2**stage, 320) for stage in range(stages)],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [KERNEL] * stages,
        "strides": pools,
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": NORM,
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def configuration(patch, spacing, stages: int):
    resample = {"order_z": 0, "force_separate_z": None}
    name = "resample_data_or_seg_to_shape"
    return {
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": patch,
        "spacing": spacing,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": name,
        "resampling_fn_seg": name,
        "resampling_fn_probabilities": name,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **resample},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **resample},
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **resample},
        "architecture": architecture(stages),
        "batch_dice": False,
    }


def write_dataset(root: Path, name: str, trainer: str, outputs: int, spacing, liver) -> None:
    like_task008 = isinstance(spacing, tuple)
    rough = not like_task008 and spacing > 2
    stages = 5 if rough else 6
    if like_task008:
        settings = configuration(TASK008_PATCH, list(spacing), stages)
        settings["architecture"]["arch_kwargs"]["strides"] = [[1, 1, 1], *TASK008_POOLS]
    else:
        settings = configuration([112, 112, 128] if rough else [128, 128, 128], [spacing] * 3, stages)
    folder = root / name / f"{trainer}__nnUNetPlans__3d_fullres"
    (folder / "fold_0").mkdir(parents=True)
    labels = {"background": 0} | {f"label_{value}": value for value in range(1, outputs)}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(dataset))
    plans = {
        "dataset_name": name,
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": INTENSITIES | {"min": -1024.0, "max": 3072.0, "median": 104.0}
        },
        "configurations": {"3d_fullres": settings},
    }
    (folder / "plans.json").write_text(json.dumps(plans))
    arguments = settings["architecture"]["arch_kwargs"] | {
        "conv_op": nn.Conv3d,
        "norm_op": nn.InstanceNorm3d,
        "nonlin": nn.LeakyReLU,
    }
    torch.manual_seed(int(name[7:10]))
    network = PlainConvUNet(1, num_classes=outputs, deep_supervision=False, **arguments)
    if liver is not None:
        network.decoder.seg_layers[-1].bias.data[liver] = 100.0
    mirror = (0, 1, 2) if trainer == "nnUNetTrainer" else None
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": trainer,
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": mirror,
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--task008-spacing", type=float, nargs=3, default=TASK008_SPACING, metavar=("Z", "Y", "X"))
    options = parser.parse_args()
    write_task008(options.out / "nnunet_v1", options.task008_spacing)
    for name, trainer, outputs, spacing, liver in DATASETS:
        write_dataset(options.out / "totalseg", name, trainer, outputs, spacing, liver)


if __name__ == "__main__":
    main()
