"""The CT that several models share, and the masks that are written on its grid."""

import errno
import os

import nibabel
import numpy as np
import SimpleITK

from protocol import EngineError

AFFINE_TOLERANCE = 1e-3

#: Header fields that hold geometry; no other field of the CT reaches a mask (descrip, db_name, intent_name and
#: extensions can name the patient).
GEOMETRY_FIELDS = (
    *('qform_code', 'sform_code', 'quatern_b', 'quatern_c', 'quatern_d', 'qoffset_x', 'qoffset_y', 'qoffset_z'),
    *('srow_x', 'srow_y', 'srow_z', 'xyzt_units', 'pixdim'),
)


class Ct:
    """One opened CT. `voxels` is indexed [x, y, z] as stored in the file, scaling applied."""

    def __init__(self, path, scratch):
        if not os.path.isfile(path):
            raise EngineError('INPUT_NOT_FOUND', f'There is no CT at {path}.', path=path)
        self.path = path
        self._scratch = scratch
        try:
            image = nibabel.load(path)
            if len(image.shape) != 3:
                raise EngineError('INPUT_UNREADABLE', f'The CT has {len(image.shape)} dimensions instead of 3.')
            self.scaled = (image.dataobj.slope, image.dataobj.inter) != (1.0, 0.0)
            # As TotalSegmentator reads it when a scaling is stored; else the numbers themselves, which are the
            # same and take a quarter of the memory.
            raw = image.get_fdata(caching='unchanged') if self.scaled else np.array(image.dataobj)
        except MemoryError:
            raise
        except EngineError:
            raise
        except Exception as problem:
            raise EngineError(
                'INPUT_UNREADABLE', f'nibabel cannot read the CT: {type(problem).__name__}.', path=path
            ) from problem
        self.voxels = raw.astype(raw.dtype.newbyteorder('='), copy=False)
        self.header = image.header
        self.affine = image.affine
        self.shape = image.shape
        #: What models found on this CT that others can use again.
        self.found = {}

    def nifti(self, voxels, affine=None):
        """`voxels` as the image that TotalSegmentator makes of the CT: no header but the affine."""
        return nibabel.Nifti1Image(voxels, self.affine if affine is None else affine)

    def itk_geometry(self):
        """Spacing, origin and direction that ITK reads from this CT, as nnU-Net keeps them."""
        return itk_geometry(self._geometry_header(), self._scratch)

    def written_geometry(self, geometry):
        """Spacing, origin and direction that ITK reads back after it wrote `geometry` to NIfTI."""
        return itk_geometry(self._itk_header(geometry), self._scratch)

    def itk_voxels(self):
        """The voxels as ITK reads them: float32, indexed [z, y, x]."""
        if self.scaled:
            return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(self.path)).astype(np.float32)
        return self.voxels.transpose(2, 1, 0).astype(np.float32)

    def write_mask(self, mask, output):
        """Writes uint8 labels indexed [x, y, z] with the geometry fields of the CT and nothing else of it."""
        self._write(mask, self._geometry_header(), output)

    def write_itk_mask(self, mask, geometry, output):
        """Writes uint8 labels indexed [z, y, x] with the header that ITK writes, as nnU-Net v1 does."""
        self._write(mask.transpose(2, 1, 0), self._itk_header(geometry), output)

    def _geometry_header(self):
        header = nibabel.Nifti1Header()
        header.set_data_dtype(np.uint8)
        for field in GEOMETRY_FIELDS:
            header[field] = self.header[field]
        return header

    def _itk_header(self, geometry):
        path = os.path.join(self._scratch.path, 'geometry.nii')
        image = SimpleITK.GetImageFromArray(np.zeros((2, 2, 2), np.uint8))
        spacing, origin, direction = geometry
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        image.SetDirection(direction)
        SimpleITK.WriteImage(image, path)
        return nibabel.load(path).header

    def _write(self, mask, header, output):
        suffix = '.nii' if output.endswith('.nii') else '.nii.gz'
        unfinished = os.path.join(os.path.dirname(output), f'.{os.getpid()}-unfinished{suffix}')
        self._scratch.begin(unfinished)
        try:
            # nibabel and not ITK: it reports a full disk.
            nibabel.save(nibabel.Nifti1Image(mask, None, header), unfinished)
            self._verify(unfinished)
            os.replace(unfinished, output)
        except OSError as problem:
            code = 'DISK_FULL' if problem.errno in (errno.ENOSPC, errno.EDQUOT) else 'OUTPUT_UNWRITABLE'
            reason = os.strerror(problem.errno) if problem.errno else type(problem).__name__
            raise EngineError(code, f'The mask cannot be written to {output}: {reason}.', path=output) from problem
        finally:
            if os.path.exists(unfinished):
                os.unlink(unfinished)
            self._scratch.end(unfinished)
        if not os.path.isfile(output):
            raise EngineError('ENGINE_OUTPUT_MISSING', f'The mask {os.path.basename(output)} is not there.')

    def _verify(self, path):
        if not os.path.isfile(path):
            raise EngineError('ENGINE_OUTPUT_MISSING', 'The engine wrote no mask.')
        written = nibabel.load(path)
        if written.shape != self.shape:
            raise EngineError(
                'ENGINE_OUTPUT_MISMATCH',
                f'The mask has the shape {written.shape}, the CT has {self.shape}.',
            )
        difference = float(np.abs(written.affine - self.affine).max())
        if not difference <= AFFINE_TOLERANCE:
            raise EngineError(
                'ENGINE_OUTPUT_MISMATCH',
                f'The affine of the mask differs from that of the CT by {difference:.4g} mm.',
                difference=difference,
            )


def itk_geometry(header, scratch):
    """Spacing, origin and direction that ITK reads from a NIfTI header; the size of the image plays no part."""
    path = os.path.join(scratch.path, 'geometry.nii')
    header = header.copy()
    header.set_data_dtype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), None, header), path)
    read = SimpleITK.ReadImage(path)
    return read.GetSpacing(), read.GetOrigin(), read.GetDirection()


def count_labels(mask, largest):
    """Voxels per label as text, without background; ENGINE_OUTPUT_MISMATCH when a label is above `largest`."""
    counts = np.bincount(mask.ravel(order='K'), minlength=1)
    found = [int(label) for label in np.flatnonzero(counts) if label != 0]
    if found and max(found) > largest:
        raise EngineError(
            'ENGINE_OUTPUT_MISMATCH', f'The mask holds the label {max(found)}, the model ends at {largest}.'
        )
    return {str(label): int(counts[label]) for label in found}
