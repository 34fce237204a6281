import type { z } from 'zod';
import type { JobFile } from '../../core/layout.ts';
import {
  jobAnswer,
  jobListAnswer,
  purgeReceipt,
  resultAnswer,
  uploadAnswer,
  type JobAnswer,
  type JobListAnswer,
  type PurgeReceipt,
  type ResultAnswer,
  type SegmentTarget,
  type UploadAnswer,
} from '../../core/requests.ts';
import type { HpbClient } from './client.ts';
import { answerError, foreignAnswer } from './problem.ts';
import type { components } from './schema.d.ts';

/** Body of a submission. */
export type SubmitBody = components['schemas']['SubmitRequest'];

/** Name of a case's whole package among its files. */
const CASE_ZIP = 'results.zip';

/**
 * The calls of the service that the command makes. All throw the service's own error as `HpbError`, and
 * SERVICE_UNREACHABLE where something else answers.
 */
export interface Service {
  readonly endpoint: string;
  openUpload(body: components['schemas']['OpenUploadRequest']): Promise<UploadAnswer>;
  /** Where an upload stands, what is missing signed anew. */
  uploadParts(uploadId: string): Promise<UploadAnswer>;
  completeUpload(uploadId: string): Promise<UploadAnswer>;
  /** The same key and body again are the same job. */
  submit(target: SegmentTarget, body: SubmitBody, idempotencyKey: string): Promise<JobAnswer>;
  job(jobId: string): Promise<JobAnswer>;
  jobs(query: {
    readonly state?: JobAnswer['state'];
    readonly limit: number;
    readonly after?: string;
  }): Promise<JobListAnswer>;
  cancel(jobId: string): Promise<JobAnswer>;
  /** Deletes a job with all its bytes; one that runs is cancelled first. */
  purge(jobId: string): Promise<PurgeReceipt>;
  retry(jobId: string): Promise<JobAnswer>;
  /** A link to the ZIP of a job, or of one of its cases. */
  result(jobId: string, caseId?: string): Promise<ResultAnswer>;
  /** A link to the index or the table of a batch that has no ZIP. */
  jobFile(jobId: string, name: JobFile): Promise<ResultAnswer>;
  /** The last lines of its workers' logs. */
  logs(jobId: string, lines: number): Promise<readonly string[]>;
}

/** The service behind a client; its answers are checked before anybody believes them. */
export function connectService(client: HpbClient, endpoint: string): Service {
  client.use({
    onResponse: async ({ response }) => {
      if (!response.ok) throw await answerError(response, endpoint);
      if (!(await isOurs(response))) throw foreignAnswer(response, endpoint);
    },
  });
  const read = async <S extends z.ZodType>(
    schema: S,
    call: Promise<{ readonly data?: unknown; readonly response: Response }>,
  ): Promise<z.infer<S>> => {
    const { data, response } = await call;
    const parsed = schema.safeParse(data);
    if (!parsed.success) throw foreignAnswer(response, endpoint);
    return parsed.data;
  };
  return {
    endpoint,
    openUpload: (body) => read(uploadAnswer, client.POST('/uploads', { body })),
    uploadParts: (id) =>
      read(uploadAnswer, client.POST('/uploads/{uploadId}/parts', { params: uploadPath(id) })),
    completeUpload: (id) =>
      read(uploadAnswer, client.POST('/uploads/{uploadId}/complete', { params: uploadPath(id) })),
    submit: (target, body, idempotencyKey) =>
      read(
        jobAnswer,
        client.POST('/segment/{target}', {
          params: { path: { target }, header: { 'idempotency-key': idempotencyKey } },
          body,
        }),
      ),
    job: (id) => read(jobAnswer, client.GET('/jobs/{jobId}', { params: jobPath(id) })),
    jobs: (query) => read(jobListAnswer, client.GET('/jobs', { params: { query } })),
    cancel: (id) => read(jobAnswer, client.DELETE('/jobs/{jobId}', { params: jobPath(id) })),
    purge: (id) =>
      read(
        purgeReceipt,
        client.DELETE('/jobs/{jobId}', { params: { ...jobPath(id), query: { purge: 'true' } } }),
      ),
    retry: (id) => read(jobAnswer, client.POST('/jobs/{jobId}/retry', { params: jobPath(id) })),
    result: (jobId, caseId) =>
      read(
        resultAnswer,
        caseId === undefined
          ? client.GET('/jobs/{jobId}/result', { params: jobPath(jobId) })
          : client.GET('/jobs/{jobId}/cases/{caseId}/files/{name}', {
              params: { path: { jobId, caseId, name: CASE_ZIP } },
            }),
      ),
    jobFile: (jobId, name) =>
      read(resultAnswer, client.GET('/jobs/{jobId}/files/{name}', { params: { path: { jobId, name } } })),
    logs: async (id, lines) => {
      const params = { ...jobPath(id), query: { lines } };
      const { data } = await client.GET('/jobs/{jobId}/logs', { params, headers: TEXT, parseAs: 'text' });
      return (data ?? '').split('\n').filter((line) => line !== '');
    },
  };
}

const uploadPath = (uploadId: string): { path: { uploadId: string } } => ({ path: { uploadId } });
const jobPath = (jobId: string): { path: { jobId: string } } => ({ path: { jobId } });

const TEXT = { accept: 'text/plain' };

async function isOurs(response: Response): Promise<boolean> {
  const type = response.headers.get('content-type') ?? '';
  if (/^text\/plain\b/.test(type)) return true;
  if (!/^application\/json\b/.test(type)) return false;
  const document: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return document !== undefined;
}
