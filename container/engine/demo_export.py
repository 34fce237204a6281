"""Writes trained demo networks in the folders and files that nnU-Net v1, nnU-Net v2 and TotalSegmentator load."""

import json
import pickle
from collections import OrderedDict

import numpy as np
import torch
from demo_plans import PARTS, TOTAL, VESSELS, labels_of, plan_named

NOTICE = 'DEMO network trained on synthetic phantoms by this project (Apache-2.0); not for any real use'
# An output that no phantom structure trains: never the largest.
NEVER = -30.0

V1_FOLDER = 'nnunet_v1/nnUNet/3d_fullres/Task008_HepaticVessel/nnUNetTrainerV2__nnUNetPlansv2.1'
ONE_SUBJECT = 'nnUNetTrainerNoMirroring'
LOW_RESOLUTION = 'nnUNetTrainer_4000epochs_NoMirroring'

# dataset -> folder, trainer, plan, head
V2_MODELS = {
    291: ('Dataset291_TotalSegmentator_part1_organs_1559subj', ONE_SUBJECT, 'parts3mm', PARTS[0]),
    292: ('Dataset292_TotalSegmentator_part2_vertebrae_1532subj', ONE_SUBJECT, 'parts3mm', PARTS[1]),
    293: ('Dataset293_TotalSegmentator_part3_cardiac_1559subj', ONE_SUBJECT, 'parts3mm', PARTS[2]),
    294: ('Dataset294_TotalSegmentator_part4_muscles_1559subj', ONE_SUBJECT, 'parts3mm', PARTS[3]),
    295: ('Dataset295_TotalSegmentator_part5_ribs_1559subj', ONE_SUBJECT, 'parts3mm', PARTS[4]),
    297: ('Dataset297_TotalSegmentator_total_3mm_1559subj', LOW_RESOLUTION, 'total3mm', TOTAL),
    298: ('Dataset298_TotalSegmentator_total_6mm_1559subj', LOW_RESOLUTION, 'total6mm', TOTAL),
    8: ('Dataset008_HepaticVessel', 'nnUNetTrainer', 'vessels0', VESSELS),
}


def head_rows(plan, head):
    """Outputs of one head of a plan, background first, in the network's last layer."""
    start = 0
    for other in plan.heads:
        if other.name == head.name:
            return slice(start, start + other.outputs)
        start += other.outputs
    raise KeyError(head.name)


def _head_tensors(plan, state, head, labels):
    """Weight and bias of the last layer with one output per label of the engine's model."""
    last = f'decoder.seg_layers.{len(plan.features) - 2}'
    rows = head_rows(plan, head)
    trained_weight, trained_bias = state[f'{last}.weight'][rows], state[f'{last}.bias'][rows]
    outputs = max(labels) + 1
    weight = torch.zeros(outputs, *trained_weight.shape[1:])
    bias = torch.full((outputs,), NEVER)
    channel = {name: value for value, name in labels.items()}
    for row, name in enumerate([None, *head.sources]):
        target = 0 if name is None else channel[name]
        weight[target], bias[target] = trained_weight[row], trained_bias[row]
    return weight, bias


def v2_state(plan, state, head, labels):
    """State dict of PlainConvUNet for one head, half precision, shared tensors kept shared."""
    halves = {}
    out = OrderedDict()
    for key, value in state.items():
        if 'seg_layers' not in key:
            out[key] = halves.setdefault(value.data_ptr(), value.half().contiguous())
    weight, bias = _head_tensors(plan, state, head, labels)
    last = len(plan.features) - 2
    for stage in range(last + 1):
        # Deep supervision's outputs are loaded by the engine and never used in prediction.
        features = plan.features[-2 - stage]
        out[f'decoder.seg_layers.{stage}.weight'] = (
            weight.half() if stage == last else torch.zeros(len(bias), features, 1, 1, 1).half()
        )
        out[f'decoder.seg_layers.{stage}.bias'] = bias.half() if stage == last else torch.zeros(len(bias)).half()
    return out


def v1_state(plan, state, head, labels):
    """State dict of nnU-Net v1's Generic_UNet with the same weights."""
    out = OrderedDict()
    bottleneck = len(plan.features) - 1

    def copy(source, target):
        for theirs, ours in (('conv', 'conv'), ('norm', 'instnorm')):
            for kind in ('weight', 'bias'):
                out[f'{target}.{ours}.{kind}'] = state[f'{source}.{theirs}.{kind}'].half().contiguous()

    for stage in range(bottleneck):
        for conv in range(plan.convs):
            copy(f'encoder.stages.{stage}.0.convs.{conv}', f'conv_blocks_context.{stage}.blocks.{conv}')
    for conv in range(plan.convs):
        copy(f'encoder.stages.{bottleneck}.0.convs.{conv}', f'conv_blocks_context.{bottleneck}.{conv}.blocks.0')
    weight, _ = _head_tensors(plan, state, head, labels)
    for stage in range(bottleneck):
        for conv in range(plan.convs):
            copy(f'decoder.stages.{stage}.convs.{conv}', f'conv_blocks_localization.{stage}.{conv}.blocks.0')
        out[f'tu.{stage}.weight'] = state[f'decoder.transpconvs.{stage}.weight'].half().contiguous()
        unused = torch.zeros(len(weight), plan.features[-2 - stage], 1, 1, 1)
        out[f'seg_outputs.{stage}.weight'] = (weight if stage == bottleneck - 1 else unused).half()
    return out


def _intensities(window, mean_name, std_name):
    return {
        mean_name: float(window.mean),
        std_name: float(window.std),
        'percentile_00_5': float(window.low),
        'percentile_99_5': float(window.high),
        'median': float(window.mean),
    }


def v2_plans(plan, folder):
    """plans.json of a v2 model."""
    stages = len(plan.features)
    resampling = {}
    for kind, segmentation, order in (('data', False, 3), ('seg', True, 1), ('probabilities', False, 1)):
        resampling[f'resampling_fn_{kind}'] = 'resample_data_or_seg_to_shape'
        arguments = {'is_seg': segmentation, 'order': order, 'order_z': 0, 'force_separate_z': None}
        resampling[f'resampling_fn_{kind}_kwargs'] = arguments
    architecture = {
        'n_stages': stages,
        'features_per_stage': list(plan.features),
        'conv_op': 'torch.nn.modules.conv.Conv3d',
        'kernel_sizes': [[3, 3, 3]] * stages,
        'strides': [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        'n_conv_per_stage': [plan.convs] * stages,
        'n_conv_per_stage_decoder': [plan.convs] * (stages - 1),
        'conv_bias': True,
        'norm_op': 'torch.nn.modules.instancenorm.InstanceNorm3d',
        'norm_op_kwargs': {'eps': 1e-05, 'affine': True},
        'dropout_op': None,
        'dropout_op_kwargs': None,
        'nonlin': 'torch.nn.LeakyReLU',
        'nonlin_kwargs': {'inplace': True},
    }
    intensities = _intensities(plan.window, 'mean', 'std')
    return {
        'dataset_name': folder,
        'plans_name': 'nnUNetPlans',
        'demo': NOTICE,
        'image_reader_writer': 'SimpleITKIO',
        'transpose_forward': [0, 1, 2],
        'transpose_backward': [0, 1, 2],
        'label_manager': 'LabelManager',
        'foreground_intensity_properties_per_channel': {
            '0': {**intensities, 'min': float(plan.window.low), 'max': float(plan.window.high)},
        },
        'configurations': {
            '3d_fullres': {
                'data_identifier': 'nnUNetPlans_3d_fullres',
                'preprocessor_name': 'DefaultPreprocessor',
                'batch_size': 2,
                'patch_size': list(plan.patch),
                'spacing': [plan.spacing] * 3,
                'normalization_schemes': ['CTNormalization'],
                'use_mask_for_norm': [False],
                **resampling,
                'architecture': {
                    'network_class_name': 'dynamic_network_architectures.architectures.unet.PlainConvUNet',
                    'arch_kwargs': architecture,
                    '_kw_requires_import': ['conv_op', 'norm_op', 'dropout_op', 'nonlin'],
                },
            },
        },
    }


def write_v2(out, dataset, state):
    """Writes one v2 model folder under `out`/totalseg from a plan's trained state."""
    folder, trainer, plan_name, head = V2_MODELS[dataset]
    plan = plan_named(plan_name)
    labels = labels_of(dataset)
    target = out / 'totalseg' / folder / f'{trainer}__nnUNetPlans__3d_fullres'
    (target / 'fold_0').mkdir(parents=True, exist_ok=True)
    names = {'background': 0, **{name: value for value, name in labels.items()}}
    facts = {
        'description': NOTICE,
        'channel_names': {'0': 'CT'},
        'labels': names,
        'numTraining': 1,
        'file_ending': '.nii.gz',
    }
    write_json(target / 'dataset.json', facts)
    write_json(target / 'plans.json', v2_plans(plan, folder))
    checkpoint = {
        'network_weights': v2_state(plan, state, head, labels),
        'trainer_name': trainer,
        'init_args': {'configuration': '3d_fullres'},
        'inference_allowed_mirroring_axes': (0, 1, 2) if trainer == 'nnUNetTrainer' else None,
        'demo': NOTICE,
    }
    torch.save(checkpoint, target / 'fold_0' / 'checkpoint_final.pth')


def v1_plans(plan):
    """plans.pkl of the v1 model."""
    pools = len(plan.features) - 1
    intensities = _intensities(plan.window, 'mean', 'sd')
    stage = {
        'batch_size': 2,
        'num_pool_per_axis': [pools] * 3,
        'patch_size': np.array(plan.patch),
        'median_patient_size_in_voxels': np.array([88, 96, 120]),
        'current_spacing': np.array([plan.spacing] * 3),
        'original_spacing': np.array([plan.spacing] * 3),
        'do_dummy_2D_data_aug': False,
        'pool_op_kernel_sizes': [[2, 2, 2]] * pools,
        'conv_kernel_sizes': [[3, 3, 3]] * (pools + 1),
    }
    return {
        'demo': NOTICE,
        'num_stages': 1,
        'num_modalities': 1,
        'modalities': {0: 'CT'},
        'normalization_schemes': OrderedDict({0: 'CT'}),
        'dataset_properties': {
            'intensityproperties': {0: {**intensities, 'mn': plan.window.low, 'mx': plan.window.high}},
        },
        'num_classes': 2,
        'all_classes': [1, 2],
        'base_num_features': plan.features[0],
        'use_mask_for_norm': OrderedDict({0: False}),
        'keep_only_largest_region': None,
        'min_region_size_per_class': None,
        'min_size_per_class': None,
        'transpose_forward': [0, 1, 2],
        'transpose_backward': [0, 1, 2],
        'data_identifier': 'nnUNetData_plans_v2.1',
        'plans_per_stage': {0: stage},
        'preprocessor_name': 'GenericPreprocessor',
        'conv_per_stage': plan.convs,
    }


def write_v1(out, fold, plan, state):
    """Writes one fold of Task008, and the files beside the folds."""
    target = out / V1_FOLDER
    folder = target / f'fold_{fold}'
    folder.mkdir(parents=True, exist_ok=True)
    plans = v1_plans(plan)
    # The no-op. `null` instead of lists would mean 'keep only the largest component of every class'.
    write_json(target / 'postprocessing.json', {'for_which_classes': [], 'min_valid_object_sizes': '{}', 'demo': NOTICE})
    write_pickle(target / 'plans.pkl', plans)
    names = ('nnUNetPlansv2.1_plans_3D.pkl', fold, 'Task008_HepaticVessel', 'Task008_HepaticVessel')
    info = OrderedDict(
        init=(*names, False, 0, True, False, True),
        name='nnUNetTrainerV2',
        plans=plans,
        demo=NOTICE,
    )
    info['class'] = "<class 'nnunet.training.network_training.nnUNetTrainerV2.nnUNetTrainerV2'>"
    write_pickle(folder / 'model_final_checkpoint.model.pkl', info)
    checkpoint = {
        'epoch': 0,
        'state_dict': v1_state(plan, state, VESSELS, labels_of(8)),
        'optimizer_state_dict': None,
        'lr_scheduler_state_dict': None,
        'plot_stuff': ([], [], [], []),
        # A numpy scalar, as in checkpoints that nnU-Net v1 itself wrote: torch >= 2.6 refuses it by default.
        'best_stuff': (None, None, np.float64(0.5)),
        'demo': NOTICE,
    }
    torch.save(checkpoint, folder / 'model_final_checkpoint.model')


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + '\n')


def write_pickle(path, value):
    with path.open('wb') as file:
        pickle.dump(value, file)


def export_all(out, states):
    """Writes the models of every plan in `states`: plan name -> trained state dict."""
    for fold in (0, 1):
        plan = plan_named(f'vessels{fold}')
        if plan.name in states:
            write_v1(out, fold, plan, states[plan.name])
    for dataset, (_, _, plan_name, _) in V2_MODELS.items():
        if plan_name in states:
            write_v2(out, dataset, states[plan_name])
