import type { OpenAPIHono } from '@hono/zod-openapi';
import { createHttpApp } from '../../../adapters/http-app/app.ts';
import type { HttpDeployment, HttpEnv } from '../../../adapters/http-app/deployment.ts';
import { applyJobEvent, type JobDocument, type JobEvent } from '../../../core/job.ts';
import type { JobId } from '../../../core/layout.ts';
import type { ServiceLimits } from '../../../core/use-cases/service-ports.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';

/** The API over ports in memory. */
export interface TestHome {
  readonly ports: ServiceFakes;
  readonly app: OpenAPIHono<HttpEnv>;
  /** Makes a call; a body that is no text is sent as JSON. */
  readonly call: (
    request: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
  /** Uploads a file through the API and returns the upload's id. */
  readonly upload: (fileName?: string) => Promise<string>;
  /** Uploads and submits; returns the job's id. */
  readonly submit: (target?: string) => Promise<JobId>;
  /** Lets something happen to a job. */
  readonly happen: (jobId: JobId, event: Happening) => Promise<JobDocument>;
}

/** An event without its attempt. */
type Happening = JobEvent extends infer Event
  ? Event extends JobEvent
    ? Omit<Event, 'attempt'>
    : never
  : never;

/** Makes one. `baseUrl` is `http://hpb.test`. */
export function httpHome(
  options: { readonly limits?: Partial<ServiceLimits>; readonly deployment?: Partial<HttpDeployment> } = {},
): TestHome {
  const ports = serviceFakes(options.limits);
  const app = createHttpApp(ports, {
    version: async () => ({ service: '1.2.3', node: '24.0.0', engines: {}, models: [] }),
    readiness: async () => ({ ready: true, checks: { disk: true }, errors: [] }),
    loadForms: async () => (await import('../../../adapters/http-app/form-routes.ts')).segmentForm,
    loadJpegOfPng: async () => (await import('../../../adapters/viewer-thumbnail.ts')).jpegOfPng,
    serverSentEvents: true,
    baseUrl: () => 'http://hpb.test',
    patience: { bodyIdleMs: 5_000, jsonMs: 5_000, pollMs: 5, eventsMs: 5, heartbeatMs: 20 },
    ...options.deployment,
  });
  const call: TestHome['call'] = async (request, body, headers = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return app.request(path, {
      method,
      headers: { ...type, ...headers },
      ...(text === undefined ? {} : { body: text }),
    });
  };
  const upload: TestHome['upload'] = async (fileName = 'Doe^Jane_0000.nii.gz') => {
    const bytes = Buffer.from('voxels');
    const opened = await call('POST /uploads', { fileName, sizeBytes: bytes.length });
    const { uploadId, put } = await answerOf<{ uploadId: string; put: { url: string } }>(opened);
    await ports.links.send(put, bytes);
    return uploadId;
  };
  const submit: TestHome['submit'] = async (target = 'both') => {
    const answer = await call(`POST /segment/${target}`, { uploadId: await upload() });
    return (await answerOf<{ jobId: JobId }>(answer)).jobId;
  };
  const happen: TestHome['happen'] = (jobId, event) =>
    ports.index.update(jobId, (job) =>
      applyJobEvent(job, { ...event, attempt: job.attempt }, ports.time.now),
    );
  return { ports, app, call, upload, submit, happen };
}

/** The JSON of an answer, taken to be of this type. */
export async function answerOf<T>(answer: Response): Promise<T> {
  return (await answer.json()) as T;
}

/** What a test looks at in a problem document. */
export interface ProblemSeen {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}
