"""Libraries that the engines import at their start and use in training and evaluation only: imported when they are used."""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

#: Half of what importing the engines takes. Nothing here may be subclassed or called while they are imported.
LATE = (
    'torch._dynamo',  # nnU-Net v2 asks whether a network was compiled
    'medpy.metric',  # evaluation
    'sklearn',  # folds of training
    'matplotlib',  # curves of training
    'seaborn',  # the same
    'scipy.signal',  # augmentation
    'scipy.stats',  # the same
    'pandas',  # resampling of segmentations
)

#: What is called while others are imported, and may go unheard: the backend of plots is in the environment.
UNHEARD = ('matplotlib.use',)

#: What a library takes only if it is there, which we have no use for.
OPTIONAL = ('pydicom',)  # nibabel


class LateNames(type):
    """Makes `from module import Name` a class that becomes the real thing when it is called or asked about."""

    def __call__(cls, *arguments, **options):
        return cls.real()(*arguments, **options)

    def __getattr__(cls, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return getattr(cls.real(), name)

    def __instancecheck__(cls, thing):
        # Nothing can be an instance of a class that nobody has imported.
        return cls.origin in sys.modules and isinstance(thing, cls.real())


class LateModule(ModuleType):
    """Stands for a module until something of it is used."""

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is not self:
            return getattr(importlib.import_module(self.__name__), name)
        origin = self.__name__

        def real():
            module = importlib.import_module(origin)
            if isinstance(module, LateModule):
                if f'{origin}.{name}' in UNHEARD:
                    return lambda *_arguments, **_options: None
                raise ImportError(f'{origin}.{name} is used while others are still imported')
            return getattr(module, name)

        return LateNames(name, (), {'origin': origin, 'real': staticmethod(real)})


class late_imports(MetaPathFinder, Loader):
    """`with late_imports():` what is imported inside gets `LateModule`s for `LATE`; afterwards all is as ever."""

    def __enter__(self):
        self._hidden = [name for name in OPTIONAL if name not in sys.modules]
        sys.modules.update(dict.fromkeys(self._hidden))
        self._made = []
        sys.meta_path.insert(0, self)

    def __exit__(self, *_problem):
        sys.meta_path.remove(self)
        for name in (*self._hidden, *self._made):
            del sys.modules[name]
        for name in self._made:
            parent, _, child = name.rpartition('.')
            # Else a later import of the real module would find the other one there.
            vars(sys.modules.get(parent, self)).pop(child, None)

    def find_spec(self, fullname, _path=None, _target=None):
        if not any(fullname == name or fullname.startswith(f'{name}.') for name in LATE):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        return LateModule(spec.name)

    def exec_module(self, module):
        self._made.append(module.__name__)
