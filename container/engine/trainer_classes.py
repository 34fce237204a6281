"""
The classes that trained a model, imported ahead of loading it. nnU-Net finds and imports them while it loads, with all
they train with; the class stands in the name of the model's folder.
"""

import os

import nnunet
import nnunetv2
from nnunet.training.model_restore import recursive_find_python_class as find_v1
from nnunetv2.utilities.find_class_by_name import recursive_find_python_class as find_v2

from late_imports import late_imports


def import_trainer_v1(folder):
    """Its optimiser is left out for good: nothing is trained here, and torch would import its compiler for one."""
    search = os.path.join(nnunet.__path__[0], 'training', 'network_training')
    with late_imports():
        trainer = find_v1([search], trainer_name(folder), 'nnunet.training.network_training')
    if trainer is not None:
        trainer.initialize_optimizer_and_scheduler = lambda _self: None


def import_trainer_v2(folder):
    search = os.path.join(nnunetv2.__path__[0], 'training', 'nnUNetTrainer')
    with late_imports():
        find_v2(search, trainer_name(folder), 'nnunetv2.training.nnUNetTrainer')


def trainer_name(folder):
    return os.path.basename(folder).partition('__')[0]
