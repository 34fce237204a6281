import { HpbError, isErrorCode } from '../core/errors.ts';
import type {
  CaseDetailAnswer,
  JobAnswer,
  JobListAnswer,
  PurgeReceipt,
  ResultAnswer,
  SegmentTarget,
  SubmitRequest,
  UploadAnswer,
} from '../core/requests.ts';

/** A field of a request that not every service has a use for. */
export type Offer = 'maxCostUsd' | 'publish';

/** Of `GET /version`, what the page uses. */
export interface VersionFacts {
  readonly service: string;
  readonly models: readonly {
    readonly id: string;
    readonly title: string;
    readonly weights: 'real' | 'demo' | 'missing' | 'unknown';
    readonly licence: { readonly name: string; readonly commercialUse: boolean };
  }[];
  /** Fields of a request that mean something to this service. */
  readonly offers: readonly Offer[];
}

/** The calls of the API that the page makes. All throw `HpbError` with the service's own sentence. */
export const api = {
  version: (): Promise<VersionFacts> => ask('GET', '/version'),
  openUpload: (fileName: string, sizeBytes: number): Promise<UploadAnswer> =>
    ask('POST', '/uploads', { fileName, sizeBytes }),
  uploadParts: (uploadId: string): Promise<UploadAnswer> => ask('POST', `/uploads/${uploadId}/parts`),
  completeUpload: (uploadId: string): Promise<UploadAnswer> => ask('POST', `/uploads/${uploadId}/complete`),
  submit: (target: SegmentTarget, body: SubmitRequest): Promise<JobAnswer> =>
    ask('POST', `/segment/${target}`, body),
  jobs: (after: string | null): Promise<JobListAnswer> =>
    ask('GET', `/jobs?limit=20${after === null ? '' : `&after=${encodeURIComponent(after)}`}`),
  job: (jobId: string): Promise<JobAnswer> => ask('GET', `/jobs/${encodeURIComponent(jobId)}`),
  cancel: (jobId: string): Promise<JobAnswer> => ask('DELETE', `/jobs/${jobId}`),
  remove: (jobId: string): Promise<PurgeReceipt> => ask('DELETE', `/jobs/${jobId}?purge=true`),
  retry: (jobId: string): Promise<JobAnswer> => ask('POST', `/jobs/${jobId}/retry`),
  caseDetail: (jobId: string, caseId: string): Promise<CaseDetailAnswer> =>
    ask('GET', `/jobs/${encodeURIComponent(jobId)}/cases/${encodeURIComponent(caseId)}`),
  /** The signed URL of a file of a case; `href`: as the case lists it. */
  fileLink: (href: string): Promise<ResultAnswer> => ask('GET', new URL(href, location.href).pathname),
};

/** The content of a file of a case. */
export async function fileContent(href: string): Promise<Response> {
  const { url } = await api.fileLink(href);
  return answered(() => fetch(url));
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await answered(() =>
    fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
  return (await answer.json()) as T;
}

async function answered(send: () => Promise<Response>): Promise<Response> {
  const answer = await send().catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** The error of a service that does not answer. */
export function unreachable(cause?: unknown): HpbError {
  return new HpbError('SERVICE_UNREACHABLE', 'The service does not answer.', {
    remedy: 'See that it still runs (npm start, or hpb serve), then try again.',
    cause,
  });
}

/** A problem document as the error that it is. */
export async function refusal(answer: Pick<Response, 'status' | 'json'>): Promise<HpbError> {
  const problem = (await answer.json().catch(() => null)) as Partial<Record<string, unknown>> | null;
  const { code, detail, remedy } = problem ?? {};
  if (isErrorCode(code) && typeof detail === 'string' && typeof remedy === 'string')
    return new HpbError(code, detail, { remedy });
  return new HpbError('UNEXPECTED', `The service answers HTTP ${answer.status} without a reason.`, {
    remedy: 'Try again; if it happens again, look into the log of the service.',
  });
}
