/** The voxels of an uncompressed NIfTI-1 label map of bytes. */
export function readNiftiLabels(nifti: Uint8Array): Uint8Array {
  return nifti.subarray(new DataView(nifti.buffer, nifti.byteOffset).getFloat32(108, true));
}
