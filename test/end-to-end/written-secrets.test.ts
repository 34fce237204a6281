import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { isFinal } from '../../core/job.ts';
import { marksIn, PATIENT_MARKS, withPatientText } from '../fixtures/patient-text.ts';
import { goodCt, RunningService, tarGz } from '../fixtures/running-service.ts';

const NAME = 'Erika-Mustermann-1969';
const CLOUD_SECRET = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLE';
/** The only files that may hold what the caller calls things, beside the results themselves. */
const NAMED = [
  'request.json',
  'cases.json',
  'upload.json',
  'manifest.json',
  'meta.json',
  'report.html',
  'results.zip',
];

interface Written {
  readonly path: string;
  readonly content: Buffer;
}

function filesBelow(folder: string): readonly Written[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return { path: relative(folder, path), content: readFileSync(path) };
    });
}

const holding = (files: readonly Written[], text: string): readonly string[] =>
  files.filter(({ content }) => content.includes(text, 0, 'latin1')).map(({ path }) => path);

/** What a caller sent: it is kept as it came until the job is purged. */
const isInput = (path: string): boolean => /(^|\/)input(\.nii\.gz)?$/.test(path);

async function markedCt(seed: number): Promise<Buffer> {
  return gzipSync(withPatientText(gunzipSync(await goodCt(seed))));
}

/** One call with the CT in a form, as the service before had it. */
async function formCall(
  service: RunningService,
  path: string,
  { field, ct, fields = {} }: { field: string; ct: Buffer; fields?: Readonly<Record<string, string>> },
): Promise<Response> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  body.set(field, new Blob([new Uint8Array(ct)]), `${NAME}-form.nii.gz`);
  return service.fetch(path, { method: 'POST', body });
}

it('all that a run writes holds no secret, no signed link and no text about a patient', async () => {
  const service = new RunningService('ok', undefined, { AWS_SECRET_ACCESS_KEY: CLOUD_SECRET });
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  const bundle = await tarGz({
    [`${NAME}-1/raw.nii.gz`]: await markedCt(1),
    [`${NAME}-2/raw.nii.gz`]: (await markedCt(2)).subarray(0, 3000),
  });
  const batch = await service.submit('batch', `${NAME}.tar.gz`, bundle);
  const single = await service.submit('both', `${NAME}.nii.gz`, await markedCt(3));
  for (const { jobId } of [batch, single]) await service.until(jobId, ({ state }) => isFinal(state));
  const ofForm = await formCall(service, '/segment/liver', { field: 'ct', ct: await markedCt(4) });
  expect([ofForm.status, (await ofForm.bytes()).length > 0]).toEqual([200, true]);
  const refused = await Promise.all([
    formCall(service, '/segment/liver', { field: `${NAME}-field`, ct: await markedCt(5) }),
    formCall(service, '/segment/liver', {
      field: 'ct',
      ct: await markedCt(5),
      fields: { [`${NAME}-option`]: NAME },
    }),
    formCall(service, `/segment/liver?${NAME}=${NAME}`, { field: 'ct', ct: await markedCt(5) }),
    formCall(service, `/segment/${NAME}`, { field: 'ct', ct: await markedCt(5) }),
    service.fetch(`/jobs/${NAME}`),
  ]);
  expect(refused.map(({ status }) => status >= 400 && status < 500)).toEqual(refused.map(() => true));
  const answer = await service.fetch(`/jobs/${batch.jobId}/result`, { redirect: 'manual' });
  const url = answer.headers.get('location')!;
  const forged = await service.fetch(url.replace(/.$/, (last) => (last === '0' ? '1' : '0')));
  const refusal = await forged.text();
  await service.stop();
  const signature = [...new URL(url).searchParams.values()].find((value) => value.length > 20)!;

  const files = [...filesBelow(service.folder), { path: 'output', content: Buffer.from(service.output) }];
  const secret = readFileSync(join(service.folder, 'link-secret'), 'latin1').trim();

  expect(secret.length).toBeGreaterThan(20);
  expect(holding(files, secret)).toEqual(['link-secret']);
  expect(holding(files, CLOUD_SECRET)).toEqual([]);
  expect(signature.length).toBeGreaterThan(20);
  expect(holding(files, signature)).toEqual([]);
  expect(forged.status).toBe(403);
  expect(refusal).not.toContain(signature.slice(0, 20));
  const marks = files
    .filter(({ path }) => !isInput(path))
    .flatMap(({ path, content }) => marksIn(path, content));
  expect(marks).toEqual([]);
  const inputs = files.filter(({ path }) => /uploads\/.*input$/.test(path));
  expect(inputs.flatMap(({ path, content }) => marksIn(path, content)).length).toBeGreaterThanOrEqual(
    PATIENT_MARKS.length,
  );
  const named = holding(files, NAME).filter((path) => !isInput(path));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((path) => !NAMED.includes(basename(path)))).toEqual([]);
});
