"""Trains the demo networks on phantoms and writes them as the real engines load them.

    python container/engine/train_demo.py --out container/engine/demo-weights --work DIR [--minutes 45]

Needs the engines' environment (the repository's .venv) and Node. `--work` keeps phantoms and training states: the
same command goes on where it was stopped. `--minutes` is the processor time of each of the two training processes, so the
wall time on two idle cores; making phantoms adds about five minutes, the closing evaluation through the engines' own
commands about fifteen. It ends with the Dice table on phantoms never trained on and exits 1 when a gate is missed.
Seeds and time are fixed, the number of steps is not: a retraining meets the same gates, not the same bytes.

    --export-only    write the weights from the states as they are (also of a training that is going on)
    --no-evaluation  leave the Dice table out
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch
from demo_evaluation import GATES, evaluate
from demo_export import export_all, plan_named
from demo_manifest import write_manifest
from demo_phantoms import PatchSource, load_scans, make_phantoms
from demo_plans import PLANS
from demo_training import Trainer, as_start

# Two processes of one thread each: small networks gain more from that than from two threads.
WORKERS = (('total6mm', 'vessels0', 'vessels1'), ('total3mm', 'parts1.5mm'))
GATE_SEEDS = (1, 2, 3)


def batches_of(plan):
    """Phantoms a plan trains on: TotalSegmentator resamples any scan, so finer ones count for 1.5 mm only."""
    coarse = ['3mm-plain', '3mm-randomised']
    return [*coarse, '1.5mm-plain', '1.5mm-randomised'] if plan.spacing < 3 else coarse


def train(work, name, minutes):
    """Trains one plan, going on from its saved state."""
    plan = plan_named(name)
    scans, numbers = load_scans(work / 'phantoms', batches_of(plan))
    source = PatchSource(plan, scans, numbers, plan.seed)
    trainer = Trainer(plan, source, work / f'{name}.pt', plan.share * minutes * 60 * len(WORKERS))
    if plan.start:
        state = torch.load(work / f'{plan.start}.pt', weights_only=True)['average']
        trainer.start_from(as_start(plan, plan_named(plan.start), state))
    trainer.run()


def train_all(work, minutes):
    """Runs the workers side by side; raises when one fails."""
    running = []
    for names in WORKERS:
        command = [sys.executable, __file__, '--work', str(work), '--minutes', str(minutes), '--train', *names]
        running.append(subprocess.Popen(command, env={**os.environ, 'OMP_NUM_THREADS': '1'}))
    codes = [process.wait() for process in running]
    if any(codes):
        raise RuntimeError(f'A training process failed: exit codes {codes}')


def missed_gates(table):
    """Rows and classes below their gate."""
    out = []
    for rows in table.values():
        for row, dice in rows.items():
            out += [f'{row}: {name}' for name, gate in GATES.items() if dice.get(name, 1) < gate]
    return out


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--work', type=Path, required=True)
    parser.add_argument('--minutes', type=float, default=45)
    parser.add_argument('--export-only', action='store_true')
    parser.add_argument('--no-evaluation', action='store_true')
    parser.add_argument('--train', nargs='*', help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if options.train:
        torch.set_num_threads(1)
        for name in options.train:
            train(options.work, name, options.minutes)
        return 0
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.export_only:
        make_phantoms(options.work / 'phantoms')
        train_all(options.work, options.minutes)
    states = {plan.name: torch.load(options.work / f'{plan.name}.pt', weights_only=True)['average'] for plan in PLANS}
    export_all(options.out, states)
    write_manifest(options.out, {})
    if options.no_evaluation:
        return 0
    table = evaluate(options.out, options.work / 'gates', GATE_SEEDS)
    write_manifest(options.out, table)
    missed = missed_gates(table)
    print('Every gate is met.' if not missed else f'Gates missed: {missed}')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
