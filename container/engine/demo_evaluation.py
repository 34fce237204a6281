"""Dice of the demo networks on phantoms never trained on, through the plain commands of the real engines."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from demo_phantoms import read_phantom, run_phantom_batch
from demo_plans import LIVER_ORGAN, TOTAL_SOURCES, VESSEL_SOURCES, labels_of

# row -> weight sets it speaks for, command arguments, classes measured
ROWS = {
    'task008 fold 0': ('task008', ['-f', '0']),
    'task008 folds 0,1': ('task008', ['-f', '0', '1']),
    'task008 folds 0,1 TTA': ('task008', ['-f', '0', '1', 'tta']),
    'liver fast': ('ts297', ['-ta', 'total', '-rs', 'liver', '--fast']),
    'liver': ('ts291', ['-ta', 'total', '-rs', 'liver']),
    'liver_vessels': ('ts8', ['-ta', 'liver_vessels']),
    'totalseg fast': ('ts297', ['-ta', 'total', '--fast']),
    'totalseg': ('ts291', ['-ta', 'total']),
}

GATES = {'liver': 0.9, 'liver_vessels': 0.6, 'liver_tumor': 0.6}


def environment(weights, home):
    """Variables for both engines; no statistics are ever sent and nothing is downloaded."""
    facts = {
        'totalseg_id': 'totalseg_XXXXXXXX',
        'send_usage_stats': False,
        'prediction_counter': 0,
        'statistics_disclaimer_shown': True,
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / 'config.json').write_text(json.dumps(facts))
    return {
        **os.environ,
        'RESULTS_FOLDER': str(weights / 'nnunet_v1'),
        'TOTALSEG_WEIGHTS_PATH': str(weights / 'totalseg'),
        'TOTALSEG_HOME_DIR': str(home),
        'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD': '1',
        'nnUNet_def_n_proc': '2',
    }


def run_row(row, ct, weights):
    """Label map of one plain command on one CT file, as a nibabel image."""
    _, arguments = ROWS[row]
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        variables = environment(weights, work / 'home')
        if row.startswith('task008'):
            (work / 'in').mkdir()
            (work / 'in' / 'case_0000.nii.gz').symlink_to(ct.resolve())
            folds = [argument for argument in arguments if argument != 'tta']
            mirror = [] if 'tta' in arguments else ['--disable_tta']
            model = ['-t', 'Task008_HepaticVessel', '-m', '3d_fullres', *folds, *mirror]
            threads = ['--num_threads_preprocessing', '1', '--num_threads_nifti_save', '1']
            command = [programs / 'nnUNet_predict', '-i', work / 'in', '-o', work / 'out', *model, *threads]
            mask = work / 'out' / 'case.nii.gz'
        else:
            mask = work / 'mask.nii.gz'
            command = [programs / 'TotalSegmentator', '-i', ct, '-o', mask, '--ml', '-ns', '1', '-d', 'cpu', *arguments]
        done = subprocess.run([str(part) for part in command], env=variables, capture_output=True, text=True)
        if done.returncode != 0 or not mask.exists():
            raise RuntimeError(f'{row} failed: {done.stdout[-2000:]} {done.stderr[-2000:]}')
        image = nib.load(mask)
        return nib.Nifti1Image(np.asanyarray(image.dataobj).astype(np.uint8), image.affine)


def measured(row):
    """Class name -> (label in the mask, structures of the phantom) of a row."""
    if row.startswith('task008') or row == 'liver_vessels':
        labels, sources = labels_of(8), VESSEL_SOURCES
    else:
        labels, sources = labels_of(297), TOTAL_SOURCES
    if row in ('liver', 'liver fast'):
        sources = {'liver': LIVER_ORGAN}
    numbers = {name: value for value, name in labels.items()}
    return {name: (numbers[name], structures) for name, structures in sources.items()}


def dice_of(row, mask, truth, numbers):
    """Class name -> Dice of a mask against the truth (both i, j, k arrays)."""
    out = {}
    for name, (label, structures) in measured(row).items():
        ours = mask == label
        true = np.isin(truth, [numbers[structure] for structure in structures])
        out[name] = round(float(2 * (ours & true).sum() / max(ours.sum() + true.sum(), 1)), 3)
    return out


def gate_case(folder, seed):
    """CT file, truth array (i, j, k) and label numbers of one phantom of the small grid."""
    if not (folder / f'{seed}.json').exists():
        run_phantom_batch(folder, f'{seed}-{seed}', '--spacing', '3')
    ct, truth, facts = read_phantom(folder, seed)
    affine = np.array(facts['affine']).reshape(4, 4)
    path = folder / f'{seed}.nii.gz'
    nib.save(nib.Nifti1Image(ct.transpose(2, 1, 0), affine), path)
    return path, truth.transpose(2, 1, 0), facts['labels']


def evaluate(weights, folder, seeds, rows=tuple(ROWS)):
    """Set id -> row -> class -> mean Dice over the seeds; prints each row, and the gates that are missed."""
    cases = [gate_case(folder, seed) for seed in seeds]
    table = {}
    for row in rows:
        per_case = []
        for path, truth, numbers in cases:
            mask = np.asanyarray(run_row(row, path, weights).dataobj)
            per_case.append(dice_of(row, mask, truth, numbers))
        means = {name: round(sum(dice[name] for dice in per_case) / len(per_case), 3) for name in per_case[0]}
        lowest = {name: min(dice[name] for dice in per_case) for name in per_case[0]}
        missed = [name for name, gate in GATES.items() if lowest.get(name, 1) < gate]
        print(f'{row}: {means}' + (f' MISSED {missed} (lowest {lowest})' if missed else ''), flush=True)
        table.setdefault(ROWS[row][0], {})[row] = means
    return table
