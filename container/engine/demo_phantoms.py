"""Training patches: phantoms made by scripts/phantom-batch.ts, sampled at any spacing with random changes."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

REPOSITORY = Path(__file__).resolve().parents[2]

# folder -> first seed, last seed, arguments. Seeds below 1000 are never trained on: they are for gates and demos.
BATCHES = {
    '3mm-plain': (1000, 1047, ('--spacing', '3')),
    '3mm-randomised': (1100, 1163, ('--spacing', '3', '--randomised')),
}

# Densities before contrast is given, HU: round textbook values of soft tissue, blood near 40.
NATIVE_HU = {
    'liver': 50,
    'liver_vessels': 39,
    'liver_tumor': 34,
    'spleen': 40,
    'kidney_right': 24,
    'kidney_left': 24,
    'pancreas': 35,
    'heart': 39,
    'aorta': 41,
    'inferior_vena_cava': 38,
    'portal_vein_and_splenic_vein': 38,
}


def make_phantoms(folder):
    """Writes the training phantoms into `folder`, two at a time, skipping those that are there."""
    jobs = []
    for name, (first, last, arguments) in BATCHES.items():
        missing = [seed for seed in range(first, last + 1) if not (folder / name / f'{seed}.json').exists()]
        if missing:
            jobs.append((folder / name, f'{missing[0]}-{last}', *arguments))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: run_phantom_batch(*job), jobs))


def run_phantom_batch(folder, seeds, *arguments):
    """Calls scripts/phantom-batch.ts; `seeds` is 'first-last'."""
    script = ['scripts/phantom-batch.ts', '--out', str(folder), '--seeds', seeds, *arguments]
    subprocess.run(['npx', 'node', *script], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def read_phantom(folder, seed):
    """CT (int16 HU) and truth (uint8) of one phantom as z, y, x arrays, and its facts."""
    facts = json.loads((folder / f'{seed}.json').read_text())
    shape = facts['dims'][::-1]
    ct = np.fromfile(folder / f'{seed}_ct.raw', '<i2').reshape(shape)
    truth = np.fromfile(folder / f'{seed}_truth.raw', np.uint8).reshape(shape)
    return ct, truth, facts


@dataclass
class Scan:
    """One phantom in memory: float HU and float label + 1 (0 is left for 'outside'), each 1,1,z,y,x."""

    hu: torch.Tensor
    labels: torch.Tensor
    spacing: float
    #: Some voxels (n, 3) of vessels and tumours, to place patches on.
    focus: np.ndarray


def load_scans(folder):
    """All training scans, and the phantom's label numbers by name."""
    scans = []
    numbers = {}
    for name, (first, last, _) in BATCHES.items():
        for seed in range(first, last + 1):
            ct, truth, facts = read_phantom(folder / name, seed)
            numbers = facts['labels']
            hu = torch.from_numpy(ct.astype(np.float32))[None, None]
            labels = torch.from_numpy(truth.astype(np.float32) + 1)[None, None]
            focus = np.argwhere(np.isin(truth, [numbers['liver_vessels'], numbers['liver_tumor']]))
            scans.append(Scan(hu, labels, facts['spacing'][0], focus[:: max(1, len(focus) // 500)]))
    return scans, numbers


class PatchSource:
    """Draws patches as the engines would cut them: resampled to the plan's spacing, padded where the scan ends."""

    def __init__(self, plan, scans, numbers, seed):
        self.plan = plan
        self.scans = scans
        self.numbers = numbers
        self.random = np.random.default_rng(seed)
        self.targets = [self._table(head) for head in plan.heads]
        self.patch = plan.patch

    def _table(self, head):
        table = torch.zeros(max(self.numbers.values()) + 2, dtype=torch.long)
        for output, structures in enumerate(head.sources.values(), start=1):
            for structure in structures:
                table[self.numbers[structure] + 1] = output
        table[0] = -1
        return table

    def draw(self):
        """(image 1,1,z,y,x normalised; one long target z,y,x per head, -1 outside the scan)."""
        scan = self._cut(self.scans[self.random.integers(len(self.scans))])
        grid = self._grid(scan)
        labels = F.grid_sample(scan.labels, grid, mode='nearest', padding_mode='zeros', align_corners=True)
        hu = F.grid_sample(scan.hu, grid, mode='bilinear', padding_mode='border', align_corners=True)
        labels = labels.round().long()[0, 0]
        window = self.plan.window
        image = (self._scanner(hu, labels).clamp(window.low, window.high) - window.mean) / window.std
        # Both engines pad a scan that is smaller than the patch with zeros after normalisation.
        image[0, 0][labels == 0] = 0
        return image, [table[labels] for table in self.targets]

    def _cut(self, scan):
        """Sometimes a smaller field of view: a few slices, or a box as TotalSegmentator cuts around an organ."""
        short = self.plan.short
        kind = self.random.choice(['whole', 'slices', 'box'], p=[0.8 - short, short, 0.2])
        if kind == 'whole':
            return scan
        shape = np.array(scan.hu.shape[2:])
        part = [self.random.uniform(0.25, 0.6), 1, 1] if kind == 'slices' else self.random.uniform(0.4, 1.0, 3)
        keep = np.ceil(shape * part).astype(int)
        start = np.array([self.random.integers(0, n - k + 1) for n, k in zip(shape, keep)])
        box = (..., *(slice(s, s + k) for s, k in zip(start, keep)))
        focus = scan.focus - start
        focus = focus[((focus >= 0) & (focus < keep)).all(1)]
        return Scan(scan.hu[box], scan.labels[box], scan.spacing, focus)

    def _grid(self, scan):
        """Sampling positions for grid_sample (x, y, z in [-1, 1])."""
        patch = np.array(self.patch)
        shape = np.array(scan.hu.shape[2:])
        step = self.plan.spacing / scan.spacing * np.ones(3)
        matrix = np.eye(3)
        tilted = self.random.random() < 0.5
        if tilted:
            step = step / self.random.uniform(0.85, 1.15, 3)
            matrix = self._tilt()
        if self.plan.any_orientation and self.random.random() < 0.6:
            matrix = matrix @ self._turn()
        extent = np.abs(matrix) @ (patch - 1)
        start = self._start(scan, extent * step)
        if not tilted:
            # Whole voxels: a scan that already has the spacing is cut, not interpolated.
            start = np.round(start)
        centre = start + extent * step / 2
        axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in patch]
        offsets = torch.stack(torch.meshgrid(*axes, indexing='ij'), -1)
        scale = torch.tensor(matrix * step[:, None], dtype=torch.float32)
        position = offsets @ scale.T + torch.tensor(centre, dtype=torch.float32)
        unit = 2 * position / torch.tensor(np.maximum(shape - 1, 1), dtype=torch.float32) - 1
        return unit.flip(-1)[None]

    def _start(self, scan, extent):
        """First corner of the patch in voxels of the scan: inside where it fits, else centred on the scan."""
        spare = np.array(scan.hu.shape[2:]) - 1 - extent
        start = self.random.uniform(0, np.maximum(spare, 1e-6))
        if len(scan.focus) and self.random.random() < self.plan.on_focus:
            aim = scan.focus[self.random.integers(len(scan.focus))]
            start = np.clip(aim - self.random.uniform(0.2, 0.8, 3) * extent, 0, np.maximum(spare, 0))
        return np.where(spare > 0, start, spare / 2)

    def _tilt(self):
        angles = self.random.uniform(-0.12, 0.12, 3)
        matrix = np.eye(3)
        for axis, angle in enumerate(angles):
            turn = np.eye(3)
            a, b = [other for other in range(3) if other != axis]
            turn[a, a] = turn[b, b] = np.cos(angle)
            turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
            matrix = matrix @ turn
        return matrix

    def _turn(self):
        """Mirrors, and sometimes other axis orders: nnU-Net v1 sees a file's axes as they are stored."""
        order = self.random.permutation(3) if self.random.random() < 0.4 else np.arange(3)
        return np.diag(self.random.choice([-1.0, 1.0], 3))[:, order]

    def _scanner(self, hu, labels):
        """Another scanner and another patient's densities."""
        random = self.random
        if random.random() < self.plan.native:
            hu = self._without_contrast(hu, labels)
        elif random.random() < self.plan.faint:
            hu = self._fainter(hu, labels)
        if random.random() < 0.4:
            hu = hu + self._densities()[labels]
        if random.random() < 0.5:
            hu = hu * random.uniform(0.9, 1.1) + random.normal(0, self.plan.shift)
        if random.random() < 0.3:
            hu = torch.lerp(hu, F.avg_pool3d(hu, 3, 1, 1), random.uniform(0, 1))
        if random.random() < 0.4:
            hu = hu + torch.randn(hu.shape) * random.uniform(0, 15)
        if random.random() < 0.3:
            coarse = torch.randn(1, 1, *(n // 2 for n in self.patch)) * random.uniform(0, 15)
            hu = hu + F.interpolate(coarse, size=self.patch, mode='trilinear', align_corners=True)
        return hu

    def _densities(self):
        spread = self.random.uniform(0, 18)
        table = torch.tensor(self.random.normal(0, spread, max(self.numbers.values()) + 2), dtype=torch.float32)
        for structure in ('liver_vessels', 'liver_tumor'):
            # The contrast of vessels and tumours against the liver is the task: it moves far less than the organs.
            table[self.numbers[structure] + 1] = table[self.numbers['liver'] + 1] + self.random.normal(0, spread / 5)
        return table

    def _without_contrast(self, hu, labels):
        """Every organ at its density before contrast is given: kidneys and blood are then darker than the liver."""
        moved = torch.zeros(labels.shape)
        overall = self.random.normal(0, 6)
        for structure, density in NATIVE_HU.items():
            inside = labels == self.numbers[structure] + 1
            if inside.any():
                target = density + overall + self.random.normal(0, 7)
                moved[inside] = target - hu[0, 0][inside].mean()
        return hu + moved

    def _fainter(self, hu, labels):
        """Vessels and tumours moved towards the liver's density, vessels even beyond."""
        liver = labels == self.numbers['liver'] + 1
        if not liver.any():
            return hu
        for structure, most in (('liver_vessels', 1.5), ('liver_tumor', 1.0)):
            inside = labels == self.numbers[structure] + 1
            if inside.any():
                part = self.random.uniform(0.6, most)
                hu = hu - inside * part * (hu[0, 0][inside].mean() - hu[0, 0][liver].mean())
        return hu
