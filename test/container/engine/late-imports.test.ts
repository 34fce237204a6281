import { describe, expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

/** Imports the engines as the host does. */
const IMPORT = `
import sys
from environment import Scratch, prepare_engines
scratch = Scratch()
prepare_engines(scratch, 1, 'cpu')
from late_imports import LATE, late_imports
with late_imports():
    import engines
`;

describe('what the engines only train and evaluate with', () => {
  it('is not imported by them, and is the real thing when it is used', () => {
    const script = `${IMPORT}
def answer():
    scratch.remove()
    before = [name for name in LATE if name in sys.modules]
    import torch
    from batchgenerators.augmentations import utils
    from nnunetv2.inference import predict_from_raw_data
    unknown = isinstance(torch.nn.Identity(), predict_from_raw_data.OptimizedModule)
    sums = utils.pd.Series([1, 2]).sum()
    import pandas
    return {'before': before, 'unknown': unknown, 'sum': int(sums), 'same': utils.pd.Series is pandas.Series}
`;

    expect(engineAnswer(script)).toEqual({ before: [], unknown: false, sum: 3, same: true });
  });

  it('is recognised once it is there, and hides no library that others look for', () => {
    const script = `
import sys
from late_imports import late_imports
with late_imports():
    from pandas import DataFrame
    import nibabel
def answer():
    hidden = 'pydicom' in sys.modules
    import pandas
    frame = DataFrame({'a': [1]})
    return [hidden, isinstance(frame, DataFrame), isinstance(1, DataFrame), type(frame) is pandas.DataFrame]
`;

    expect(engineAnswer(script)).toEqual([false, true, false, true]);
  });
});

describe('networks whose first weights are left unset', () => {
  it('are the same as others once a checkpoint is loaded, and later layers are random again', () => {
    const script = `
import torch
from unset_weights import unset_weights
def layers():
    return torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3), torch.nn.InstanceNorm3d(4, affine=True))
def answer():
    trained = layers()
    with unset_weights():
        loaded = layers()
    loaded.load_state_dict(trained.state_dict())
    same = all(torch.equal(a, b) for a, b in zip(trained.state_dict().values(), loaded.state_dict().values()))
    torch.manual_seed(1)
    first = layers()[0].weight.std().item()
    return {'same': same, 'random': 0.05 < first < 1}
`;

    expect(engineAnswer(script)).toEqual({ same: true, random: true });
  });
});
