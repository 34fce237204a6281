"""Trains the demo networks on phantoms and writes them as the real engines load them.

    python container/engine/train_demo.py --out container/engine/demo-weights --work DIR [--minutes 80]

Needs the engines' environment (the repository's .venv) and Node. `--work` keeps phantoms and training states: the
same command goes on where it was stopped. `--minutes` is the processor time of each of the two training processes, so the
wall time on two idle cores; making phantoms adds a few minutes, the closing evaluation through the engines' own
commands about fifteen. It ends with the Dice table on phantoms never trained on and exits 1 when a gate is missed.
Seeds and time are fixed, the number of steps is not: a retraining meets the same gates, not the same bytes.

    --plans NAME...  train and write these only, each for its share of the time; the others stay as they are in --out
    --go-on          begin with the networks in --out instead of at random
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
from demo_export import export_all
from demo_import import import_plan, is_exported_whole
from demo_manifest import write_manifest
from demo_phantoms import PatchSource, load_scans, make_phantoms
from demo_plans import PLANS, plan_named
from demo_training import Trainer, as_start

# Two processes of one thread each: small networks gain more from that than from two threads.
WORKERS = (('total6mm', 'vessels0', 'vessels1'), ('total3mm', 'parts3mm'))
GATE_SEEDS = (1, 2, 3)


def train(options, name):
    """Trains one plan, going on from its saved state."""
    plan = plan_named(name)
    work = options.work
    scans, numbers = load_scans(work / 'phantoms')
    source = PatchSource(plan, scans, numbers, plan.seed)
    trainer = Trainer(plan, source, work / f'{name}.pt', plan.share * options.minutes * 60 * len(WORKERS))
    if options.go_on and is_exported_whole(plan):
        trainer.start_from(import_plan(options.out, plan))
    elif plan.start:
        start = plan_named(plan.start)
        trained = work / f'{start.name}.pt'
        state = torch.load(trained, weights_only=True)['average'] if trained.exists() else import_plan(options.out, start)
        trainer.start_from(as_start(plan, start, state))
    trainer.run()


def train_all(options):
    """Runs the workers side by side; raises when one fails."""
    running = []
    for worker in WORKERS:
        names = [name for name in worker if name in options.plans]
        if names:
            command = [sys.executable, __file__, *sys.argv[1:], '--train', *names]
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
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--work', type=Path, required=True)
    parser.add_argument('--minutes', type=float, default=80)
    parser.add_argument('--plans', nargs='+', default=[plan.name for plan in PLANS], choices=[plan.name for plan in PLANS])
    parser.add_argument('--go-on', action='store_true')
    parser.add_argument('--export-only', action='store_true')
    parser.add_argument('--no-evaluation', action='store_true')
    parser.add_argument('--train', nargs='*', help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if options.train:
        torch.set_num_threads(1)
        for name in options.train:
            train(options, name)
        return 0
    options.work.mkdir(parents=True, exist_ok=True)
    if not options.export_only:
        make_phantoms(options.work / 'phantoms')
        train_all(options)
    states = {name: torch.load(options.work / f'{name}.pt', weights_only=True)['average'] for name in options.plans}
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
