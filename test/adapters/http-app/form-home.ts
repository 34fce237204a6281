import type { HpbError } from '../../../core/errors.ts';
import { caseFileKey, caseIdOf, caseZipKey, type JobId } from '../../../core/layout.ts';
import type { TestHome } from './http-home.ts';

/** What the forms of these tests hold. */
export const CT = Buffer.from('voxels of a CT');

/** A form with a file in the field `file`. */
export function formOf(
  fields: Readonly<Record<string, string>>,
  file = 'ct',
  name = 'Doe_0000.nii.gz',
): FormData {
  const form = new FormData();
  form.set(file, new File([CT], name));
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  return form;
}

/** The bytes of a form with its type, as a socket would bring them. */
async function sent(form: FormData): Promise<{ readonly body: ArrayBuffer; readonly type: string }> {
  const packed = new Response(form);
  return { body: await packed.arrayBuffer(), type: packed.headers.get('content-type')! };
}

/** Sends a form. */
export async function post(
  home: TestHome,
  path: string,
  form: FormData,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  const { body, type } = await sent(form);
  const headers = { 'content-type': type, ...options.headers };
  const { signal = null } = options;
  return home.app.request(path, { method: 'POST', body, headers, signal });
}

/** Ends the next job that is submitted, in this way. */
export function ends(home: TestHome, state: 'SUCCEEDED' | 'FAILED', error: HpbError | null = null): void {
  const { executions, store } = home.ports;
  const start = executions.start.bind(executions);
  executions.start = async (name, input) => {
    await start(name, input);
    const { jobId } = input;
    await store.put(caseFileKey(jobId, caseIdOf(1), 'liver.nii.gz'), 'liver mask');
    const { key, bytes } = await store.put(caseZipKey(jobId, caseIdOf(1)), 'zip of the case');
    const done = Number(state === 'SUCCEEDED');
    await home.happen(jobId, {
      event: 'finish',
      state,
      counts: { total: 1, succeeded: done, failed: 1 - done },
      zip: state === 'SUCCEEDED' ? { key, bytes, sha256: '0'.repeat(64) } : null,
      error: error?.toDocument() ?? null,
    });
  };
}

/** The newest job. */
export const onlyJob = async ({ ports }: TestHome): Promise<JobId> =>
  (await ports.index.list({ limit: 2 })).jobs[0]!.jobId;
