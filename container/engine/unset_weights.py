"""Networks are built to be filled from a checkpoint; the random numbers that they start with cost a second each."""

from contextlib import contextmanager

from torch.nn import init

RANDOM = ('kaiming_normal_', 'kaiming_uniform_', 'normal_', 'uniform_', 'trunc_normal_', 'xavier_uniform_')


@contextmanager
def unset_weights():
    """Layers made inside have unset weights: load all of them (`load_state_dict`, strict) before they are used."""
    kept = {name: getattr(init, name) for name in RANDOM}
    try:
        for name in RANDOM:
            setattr(init, name, lambda tensor, *_arguments, **_options: tensor)
        yield
    finally:
        for name, function in kept.items():
            setattr(init, name, function)
