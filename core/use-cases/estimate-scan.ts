import type { CaseEstimate, EstimateRequest } from '../estimate-answer.ts';
import { estimateCase, type EstimatedScan } from '../estimate.ts';
import { HpbError } from '../errors.ts';
import { uploadInputKey } from '../layout.ts';
import { REQUEST_MODELS } from '../models/catalogue.ts';
import { segmentOptions } from '../shard.ts';
import { checkScan } from '../volume/scan-check.ts';
import type { ServicePorts } from './service-ports.ts';
import { storedCalibration } from './stored-calibration.ts';
import { completedUpload } from './uploads.ts';

/**
 * Whether a CT would fit on the machines of this home and what it would take: an upload by its header, or a grid that
 * the caller tells. Nothing is started or stored.
 *
 * @throws HpbError BAD_OPTION unless there is either; UPLOAD_NOT_FOUND, UPLOAD_INCOMPLETE, UPLOAD_SIZE_MISMATCH,
 * INPUT_IS_ARCHIVE, NIFTI_*.
 */
export async function estimateScan(
  ports: Pick<ServicePorts, 'store' | 'intake' | 'limits'>,
  request: EstimateRequest,
): Promise<CaseEstimate> {
  const { model = 'both', fast, folds, tta } = request;
  const run = { models: REQUEST_MODELS[model]!, options: segmentOptions.parse({ fast, folds, tta }) };
  const scan = await scanOf(ports, request);
  return estimateCase(scan, run, ports.limits.memoryBytes, await storedCalibration(ports.store));
}

async function scanOf(
  ports: Pick<ServicePorts, 'store' | 'intake'>,
  { uploadId, grid }: EstimateRequest,
): Promise<EstimatedScan> {
  if ((uploadId === undefined) === (grid === undefined))
    throw new HpbError('BAD_OPTION', 'An estimate is of an upload or of a grid: give one of them.', {
      remedy: 'Send either "uploadId" or "grid".',
    });
  if (grid !== undefined) {
    const [nx, ny, nz] = grid.dims as [number, number, number];
    const [x, y, z] = grid.spacingMm as [number, number, number];
    return { grid: { dims: [nx, ny, nz], affine: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1] } };
  }
  const upload = await completedUpload(ports, uploadId!);
  const { fileName } = upload;
  const header = await ports.intake.peek({ inputKey: uploadInputKey(upload.uploadId), fileName });
  return { grid: header.grid, problems: checkScan(header).problems };
}
