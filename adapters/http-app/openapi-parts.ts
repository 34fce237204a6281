import { z } from '@hono/zod-openapi';
import type { ErrorCode } from '../../core/errors.ts';
import { caseEstimate, estimateRequest } from '../../core/estimate-answer.ts';
import {
  caseDetailAnswer,
  jobAnswer,
  jobListAnswer,
  openUploadRequest,
  purgeReceipt,
  resultAnswer,
  submitRequest,
  uploadAnswer,
} from '../../core/requests.ts';
import { PROBLEM_TYPE, problemSchema, statusOf } from './problem.ts';

/** The schemas of core/requests.ts under the names that the OpenAPI document gives them. */
export const SCHEMAS = {
  openUpload: openUploadRequest.meta({
    id: 'OpenUploadRequest',
    description: 'A file to be uploaded.',
    example: { fileName: 'case_0000.nii.gz', sizeBytes: 52_428_800 },
  }),
  upload: uploadAnswer.meta({
    id: 'Upload',
    description: 'Where an upload stands, and the signed requests that are still to be made.',
  }),
  submit: submitRequest.meta({
    id: 'SubmitRequest',
    description: 'What to segment, and how.',
    example: { uploadId: 'u-000000000001', fast: true, folds: [0] },
  }),
  estimateRequest: estimateRequest.meta({
    id: 'EstimateRequest',
    description: 'A CT, and what would be run on it.',
    // The handler sees to it: a union of both would tell the caller less of what is wrong.
    oneOf: [{ required: ['uploadId'] }, { required: ['grid'] }],
    example: { grid: { dims: [512, 512, 300], spacingMm: [0.8, 0.8, 1] }, model: 'both' },
  }),
  estimate: caseEstimate.meta({
    id: 'Estimate',
    description: 'Whether a CT would fit, and what it would take.',
  }),
  job: jobAnswer.meta({ id: 'Job', description: 'Where a job stands, with its cases.' }),
  jobList: jobListAnswer.meta({ id: 'JobList', description: 'A page of jobs, newest first.' }),
  caseDetail: caseDetailAnswer.meta({ id: 'CaseDetail', description: 'A case with its files.' }),
  result: resultAnswer.meta({ id: 'Result', description: 'A signed URL of a result.' }),
  receipt: purgeReceipt.meta({ id: 'PurgeReceipt', description: 'What has been deleted.' }),
} as const;

/** Errors that every call can answer with. */
const ALWAYS: readonly ErrorCode[] = ['HOST_REFUSED', 'UNEXPECTED', 'STORE_UNAVAILABLE'];

/** Errors of every call with a JSON body. */
export const BODY_ERRORS = [
  'REQUEST_INVALID',
  'REQUEST_TOO_LARGE',
  'REQUEST_TOO_SLOW',
  'REQUEST_TYPE_UNSUPPORTED',
] as const satisfies readonly ErrorCode[];

/** The error answers of a call, one for each status, with the codes that it can carry. */
export function problems(...codes: readonly ErrorCode[]): Record<number, ReturnType<typeof problemAnswer>> {
  const byStatus = Map.groupBy(new Set([...codes, ...ALWAYS]), statusOf);
  return Object.fromEntries([...byStatus].map(([status, some]) => [status, problemAnswer(status, some)]));
}

function problemAnswer(status: number, codes: readonly ErrorCode[]) {
  const later = status === 429 || status === 503;
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: { [PROBLEM_TYPE]: { schema: problemSchema } },
    ...(later ? { headers: z.object({ 'Retry-After': z.string().meta({ description: 'Seconds' }) }) } : {}),
  };
}

/** An answer in JSON. */
export function json<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** A JSON body that has to be there. */
export function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** Path parameters, by what they name. Their form is checked by the handler, which answers 404. */
export const PARAMS = {
  upload: z.object({
    uploadId: z.string().meta({ description: 'Id of an upload.', example: 'u-000000000001' }),
  }),
  job: z.object({ jobId: z.string().meta({ description: 'Id of a job.', example: 'j-000000000001' }) }),
  case: z.object({
    jobId: z.string().meta({ description: 'Id of a job.', example: 'j-000000000001' }),
    caseId: z.string().meta({ description: 'Ordinal of a case.', example: 'c0001' }),
  }),
  jobFile: z.object({
    jobId: z.string().meta({ description: 'Id of a job.', example: 'j-000000000001' }),
    name: z.string().meta({ description: '`index.html` or `cases.csv`.', example: 'index.html' }),
  }),
  file: z.object({
    jobId: z.string().meta({ description: 'Id of a job.', example: 'j-000000000001' }),
    caseId: z.string().meta({ description: 'Ordinal of a case.', example: 'c0001' }),
    name: z
      .string()
      .meta({ description: '`results.zip`, or a file that the case names.', example: 'liver.nii.gz' }),
  }),
} as const;

/** Groups of calls, as the document and the page of the API show them. */
export const TAGS = [
  { name: 'Uploads', description: 'Bring a CT or an archive of CTs in, in one piece or in parts.' },
  { name: 'Segmentation', description: 'Start a job on an upload.' },
  { name: 'Jobs', description: 'Watch, cancel, retry and delete jobs; fetch results.' },
  { name: 'Service', description: 'Health, versions and this document.' },
];
