import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { HpbError } from '../../core/errors.ts';
import { isFinal } from '../../core/job.ts';
import {
  jobAnswer,
  uploadAnswer,
  type JobAnswer,
  type SubmitRequest,
  type UploadAnswer,
} from '../../core/requests.ts';
import { FAKE_HOST } from '../../test/fixtures/fake-host.ts';
import { PACKAGE_ROOT } from '../warm-engine.ts';

/** How a service is started. */
export interface ServiceStart {
  /** An empty folder of the caller's. */
  readonly dataRoot: string;
  /** The engine environment; without it the engine is the double of the tests. */
  readonly venv?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The laptop service as a process of its own. */
export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** A look costs the service milliseconds while a large batch runs; near its end they are frequent, so that it is not seen late. */
const POLL_MS = 500;
const NEAR = { percent: 80, pollMs: 50 } as const;

/** Starts `hpb serve` on a free port and waits until it listens. */
export async function startService({ dataRoot, venv, environment }: ServiceStart): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'cli', 'hpb.js'), 'serve'], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HPB_DATA_ROOT: dataRoot,
      HPB_VENV: venv ?? (await doubleEnvironment(dataRoot)),
      HPB_WEIGHTS: 'demo',
      HPB_DEVICE: 'cpu',
      HPB_PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, found] = /"event":"service:start","url":"([^"]+)"/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(failed('The service ended before it listened.')));
  });
  return {
    url,
    pid: child.pid!,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** An engine environment whose Python is the double of the tests. */
async function doubleEnvironment(dataRoot: string): Promise<string> {
  const python = join(dataRoot, 'venv', 'bin', 'python');
  await mkdir(dirname(python), { recursive: true });
  await writeFile(python, `#!/bin/sh\nexec '${process.execPath}' '${FAKE_HOST}' ok\n`);
  await chmod(python, 0o755);
  return join(dataRoot, 'venv');
}

/** Calls the API with a JSON body. Throws `UNEXPECTED` with what it answers when that is no success. */
export async function post(service: ServiceProcess, path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw failed(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Sends bytes to a signed request of an upload. */
export async function sendSigned(
  { url, headers }: NonNullable<UploadAnswer['put']>,
  body: NonNullable<RequestInit['body']>,
): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', headers, body, duplex: 'half' });
  if (!answer.ok) throw failed(`PUT: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

/** Uploads bytes that go in one piece and starts a job of them. */
export async function submit(
  service: ServiceProcess,
  {
    bytes,
    fileName,
    target,
  }: { readonly bytes: Uint8Array; readonly fileName: string; readonly target: string },
  options: Omit<SubmitRequest, 'uploadId'> = {},
): Promise<JobAnswer> {
  const opened = uploadAnswer.parse(await post(service, '/uploads', { fileName, sizeBytes: bytes.length }));
  await sendSigned(opened.put!, bytes as Uint8Array<ArrayBuffer>);
  return jobAnswer.parse(
    await post(service, `/segment/${target}`, { uploadId: opened.uploadId, ...options }),
  );
}

/** The job once it has ended; `onLook` is called at every look on the way. Throws when it did not succeed. */
export async function ended(
  service: ServiceProcess,
  jobId: string,
  onLook: (job: JobAnswer) => void = () => undefined,
): Promise<JobAnswer> {
  for (;;) {
    const job = jobAnswer.parse(await (await fetch(`${service.url}/jobs/${jobId}`)).json());
    onLook(job);
    if (job.state === 'SUCCEEDED') return job;
    if (isFinal(job.state))
      throw failed(`The job ended ${job.state}: ${JSON.stringify(job.error ?? job.cases)}`);
    await sleep(job.percent >= NEAR.percent ? NEAR.pollMs : POLL_MS);
  }
}

/** Resident memory of a process, bytes: now, and its peak so far. Linux only. */
export async function memoryOf(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}

/** Ticks of the kernel's process times: 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of a process so far, its ended children not counted. Linux only. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Fields after the name, which may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processes that a process has started, and that live. Linux only. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

function failed(sentence: string): HpbError {
  return new HpbError('UNEXPECTED', sentence, { remedy: 'Look at the log of the service.' });
}
