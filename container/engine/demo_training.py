"""The training loop: Dice and cross entropy on random patches for a fixed processor time, resumable."""

import math
import time

import torch
import torch.nn.functional as F
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
# ... and the part of its time in which only its new layers learn, so that they do not spoil what is there.
ONLY_NEW_UNTIL = 0.12
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
    """`state` of the plan `other` as a start for `plan`.

    A network for twice the resolution is the same network below one more stage: encoder stages move down by one and
    the decoder begins with the same stages. The new finest stage hands the image down (once as it is, once negated,
    so that the rectifiers lose nothing) and copies the features up; only the heads begin at random.
    """
    if len(plan.features) == len(other.features):
        return state
    network = build_network(plan)
    own = network.state_dict()
    for key, value in state.items():
        parts = key.split('.')
        if 'encoder' in parts:
            stage = parts.index('stages') + 1
            parts[stage] = str(int(parts[stage]) + 1)
        name = '.'.join(parts)
        if 'seg_layers' not in parts and own[name].shape == value.shape:
            own[name].copy_(value)
    with torch.no_grad():
        _hand_down(network, state['encoder.stages.0.0.convs.0.conv.weight'])
        _copy_up(network)
    return own


def _hand_down(network, first_kernel):
    finest = network.encoder.stages[0][0].convs[0].conv
    finest.weight[:2] = 0
    finest.weight[0, 0, 1, 1, 1] = 1
    finest.weight[1, 0, 1, 1, 1] = -1
    below = network.encoder.stages[1][0].convs[0].conv
    below.weight.mul_(0.1)
    below.weight[:, :1] = first_kernel
    below.weight[:, 1:2] = -first_kernel


def _copy_up(network):
    up = network.decoder.transpconvs[-1]
    merge = network.decoder.stages[-1].convs[0]
    merge.conv.weight.mul_(0.1)
    up.weight.zero_()
    for channel in range(up.weight.shape[1]):
        up.weight[channel, channel] = 1
        merge.conv.weight[channel, channel, 1, 1, 1] = 1
    # Lifted, so that the rectifier behind it does not cut what lies below the mean.
    merge.norm.bias.fill_(2)


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


def is_new(plan, name):
    """Whether a parameter is not taken over from the plan's start: the finest stage and the heads."""
    last = len(plan.features) - 2
    new = ('encoder.stages.0.', 'encoder.stages.1.', f'decoder.transpconvs.{last}.', f'decoder.stages.{last}.')
    return name.startswith(new) or 'seg_layers' in name


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
        new = [p for name, p in self.network.named_parameters() if p.requires_grad and is_new(plan, name)]
        old = [p for name, p in self.network.named_parameters() if p.requires_grad and not is_new(plan, name)]
        groups = [{'params': new}, {'params': old}]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=1e-4)
        self.spent = 0.0
        self.steps = 0
        if state_file.exists():
            self._load()

    def start_from(self, state):
        """Begins with another plan's weights wherever they fit; see `as_start`."""
        if self.steps == 0:
            own = self.network.state_dict()
            fitting = {key: value for key, value in state.items() if own[key].shape == value.shape}
            for network in (self.network, self.average):
                network.load_state_dict({**own, **fitting})

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
        self._set_rates(rate, done)
        phases = LATER_PHASES if self.plan.start else PATCH_PHASES
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

    def _set_rates(self, rate, done):
        new, old = self.optimizer.param_groups
        new['lr'] = rate
        old['lr'] = rate if not self.plan.start else rate / 3 if done > ONLY_NEW_UNTIL else 0.0

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
