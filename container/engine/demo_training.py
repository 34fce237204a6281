"""The training loop: Dice and cross entropy on random patches for a fixed processor time, resumable."""

import math
import time

import torch
import torch.nn.functional as F
from demo_export import head_rows
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

AVERAGING = 0.997
LEARNING_RATE = 4e-3
SAVE_EVERY_SECONDS = 60
# (until this part of the time, patch edges as a part of the plan's): small patches first, for more patients per
# minute; instance norm then has to learn the statistics of whole patches.
PATCH_PHASES = ((0.5, 0.55), (0.8, 0.75), (1.0, 1.0))
# The same for a network that starts from another one.
LATER_PHASES = ((0.7, 0.75), (1.0, 1.0))
# ... and how much slower it learns, so that it does not spoil what is there.
LATER_RATE = 0.4
# Part of a patch's slices that the loss looks at: softmax over all classes costs as much as the network.
LOSS_SLICES = 0.35


def build_network(plan):
    """PlainConvUNet of a plan; its last 1x1x1 convolution holds the outputs of all heads one after the other."""
    stages = len(plan.features)
    network = PlainConvUNet(
        input_channels=1,
        n_stages=stages,
        features_per_stage=list(plan.features),
        conv_op=nn.Conv3d,
        kernel_sizes=[[3, 3, 3]] * stages,
        strides=[[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        n_conv_per_stage=[plan.convs] * stages,
        num_classes=sum(head.outputs for head in plan.heads),
        n_conv_per_stage_decoder=[plan.convs] * (stages - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={'eps': 1e-5, 'affine': True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={'inplace': True},
    )
    network.apply(network.initialize)
    for layer in [*network.decoder.transpconvs, *network.decoder.seg_layers] if plan.any_orientation else []:
        layer.bias.data.zero_()
        layer.bias.requires_grad_(False)
    return network.to(memory_format=torch.channels_last_3d)


def as_start(plan, other, state):
    """`state` of the plan `other`, a network of the same stages, as a start for `plan`.

    A class that both know keeps its output; the others of `plan` begin at random.
    """
    own = build_network(plan).state_dict()
    last = f'decoder.seg_layers.{len(plan.features) - 2}.'
    own.update({key: value for key, value in state.items() if 'seg_layers' not in key})
    known = {}
    for head in other.heads:
        for offset, name in enumerate((f'not {head.name}', *head.sources)):
            known[name] = head_rows(other, head).start + offset
    background = head_rows(other, other.heads[0]).start
    for head in plan.heads:
        for offset, name in enumerate((f'not {head.name}', *head.sources)):
            source = known.get(name, background if offset == 0 else None)
            if source is None:
                continue
            for kind in ('weight', 'bias'):
                own[last + kind][head_rows(plan, head).start + offset] = state[last + kind][source]
    return own


def head_loss(logits, target, eager=1.0):
    """Cross entropy (foreground weighted by `eager`) plus soft Dice over the classes there; target -1 is no voxel."""
    classes = logits.shape[1]
    flat = logits[0].flatten(1)
    target = target.flatten()
    inside = target >= 0
    log_probability = F.log_softmax(flat, 0)
    safe = target.clamp(min=0)[None]
    chosen = log_probability.gather(0, safe)[0] * inside
    weight = inside * torch.where(target > 0, eager, 1.0)
    probability = log_probability.exp() * inside
    sizes = torch.zeros(classes).index_add_(0, safe[0], inside.float())
    overlap = torch.zeros(classes).index_add(0, safe[0], chosen.exp() * inside)
    dice = (2 * overlap + 1) / (sizes + probability.sum(1) + 1)
    present = (sizes > 0).float()
    present[0] = 0
    missed = (present * (1 - dice)).sum() / present.sum().clamp(min=1)
    return missed - (chosen * weight).sum() / weight.sum().clamp(min=1)


def total_loss(plan, logits, targets):
    """Sum over the heads of a plan; a head trained only as help counts a third."""
    loss = 0
    start = 0
    for head, target in zip(plan.heads, targets):
        helper = head.name == 'surroundings'
        own = logits[:, start : start + head.outputs]
        loss = loss + (0.3 * head_loss(own, target) if helper else head_loss(own, target, plan.eager))
        start += head.outputs
    return loss / len(plan.heads)


class Trainer:
    """Trains one plan for `seconds` of processor time; `state_file` keeps it across restarts."""

    def __init__(self, plan, source, state_file, seconds):
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.source = source
        self.state_file = state_file
        self.seconds = seconds
        self.network = build_network(plan)
        self.average = build_network(plan)
        self.average.load_state_dict(self.network.state_dict())
        learning = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE, weight_decay=1e-4)
        self.started = False
        self.spent = 0.0
        self.steps = 0
        if state_file.exists():
            self._load()

    def start_from(self, state):
        """Begins with trained weights; see `as_start`."""
        self.started = True
        if self.steps == 0:
            for network in (self.network, self.average):
                network.load_state_dict(state)

    def run(self):
        """Trains until the time is up; returns the averaged weights."""
        saved = time.monotonic()
        losses = []
        while self.spent < self.seconds:
            began = time.process_time()
            losses.append(self._step())
            self.spent += time.process_time() - began
            now = time.monotonic()
            if now - saved > SAVE_EVERY_SECONDS or self.spent >= self.seconds:
                saved = now
                self._save()
                mean = sum(losses) / len(losses)
                print(f'{self.plan.name}: {self.spent:.0f} s, step {self.steps}, loss {mean:.3f}', flush=True)
                losses = []
        return self.average.state_dict()

    def _step(self):
        done = self.spent / self.seconds
        warm = min(1.0, (self.steps + 1) / 50)
        rate = LEARNING_RATE * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        self.optimizer.param_groups[0]['lr'] = rate * (LATER_RATE if self.started else 1)
        phases = LATER_PHASES if self.started else PATCH_PHASES
        part = next(part for until, part in phases if done < until)
        unit = 2 ** (len(self.plan.features) - 1)
        self.source.patch = [max(2 * unit, round(n * part / unit) * unit) for n in self.plan.patch]
        image, targets = self.source.draw()
        looked = torch.rand(image.shape[2]) < LOSS_SLICES
        with torch.autocast('cpu', dtype=torch.bfloat16):
            logits = self.network(image.to(memory_format=torch.channels_last_3d))
        loss = total_loss(self.plan, logits[:, :, looked].float(), [target[looked] for target in targets])
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5)
        self.optimizer.step()
        self.steps += 1
        self._follow()
        return loss.item()

    def _follow(self):
        keep = min(AVERAGING, self.steps / (self.steps + 10))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters()):
                mean.lerp_(value, 1 - keep)

    def _save(self):
        state = {
            'network': self.network.state_dict(),
            'average': self.average.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'spent': self.spent,
            'steps': self.steps,
        }
        partial = self.state_file.with_suffix('.partial')
        torch.save(state, partial)
        partial.replace(self.state_file)

    def _load(self):
        state = torch.load(self.state_file, weights_only=True)
        self.network.load_state_dict(state['network'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.spent, self.steps = state['spent'], state['steps']
