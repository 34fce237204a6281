"""Reads an exported demo network back, to go on from it: the other direction of demo_export.py."""

import torch
from demo_export import V2_MODELS, head_rows
from demo_plans import labels_of
from demo_training import build_network


def is_exported_whole(plan):
    """Whether `import_plan` can read this plan's network back: of nnU-Net v1's weights there is no way."""
    return any(name == plan.name for _, _, name, _ in V2_MODELS.values())


def import_plan(folder, plan):
    """State dict of a plan's network in `folder`, float32; outputs that were not exported begin at random."""
    state = build_network(plan).state_dict()
    last = f'decoder.seg_layers.{len(plan.features) - 2}.'
    for dataset, (name, trainer, plan_name, head) in V2_MODELS.items():
        if plan_name != plan.name:
            continue
        path = folder / 'totalseg' / name / f'{trainer}__nnUNetPlans__3d_fullres' / 'fold_0' / 'checkpoint_final.pth'
        weights = torch.load(path, weights_only=False)['network_weights']
        for key, value in weights.items():
            if 'seg_layers' not in key:
                state[key].copy_(value.float())
        channel = {name: value for value, name in labels_of(dataset).items()}
        for offset, name in enumerate([None, *head.sources]):
            row = head_rows(plan, head).start + offset
            for kind in ('weight', 'bias'):
                state[last + kind][row] = weights[last + kind][0 if name is None else channel[name]].float()
    return state
