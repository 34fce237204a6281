import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { isFinal } from '../../core/job.ts';
import { uploadAnswer, jobAnswer, type JobAnswer } from '../../core/requests.ts';
import { metadataSchema } from '../../core/results/metadata-schema.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { smallCt } from '../container/worker-bench.ts';
import { RunningService } from '../fixtures/running-service.ts';
import { childrenOf, isStopped, kill, processesOf, within } from './processes.ts';
import { EVERYWHERE, type Substitution } from './substitutions.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'preload.ts')).href;

/** How a service is prepared for a drill. */
export interface DrillOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly substitutions?: readonly Substitution[];
  /** Size of a disk of its own for the data root, as tmpfs takes it; default: that of the machine. */
  readonly disk?: string;
}

/** Mounts a disk of size `$2` at `$1` and runs the rest there; the mount goes with the process. */
const ON_DISK = 'mount -t tmpfs -o "size=$2" tmpfs "$1" || exit; shift 2; exec "$@"';

/**
 * `hpb serve` with the engine double, as a user starts it, in a folder of its own, which a fault is about to meet.
 * Faults strike processes and files; what became of a job is asked of the API alone.
 */
export class Drill {
  readonly folder = mkdtempSync(join(tmpdir(), 'hpb-drill-'));
  readonly dataRoot = join(this.folder, 'data');
  readonly #control = join(this.folder, 'control');
  readonly #options: DrillOptions;
  #service: RunningService;

  constructor(options: DrillOptions = {}) {
    this.#options = options;
    for (const folder of [this.#control, this.dataRoot]) mkdirSync(folder);
    const { substitutions = [] } = options;
    writeFileSync(
      join(this.#control, 'substitutions.json'),
      JSON.stringify([...substitutions, ...EVERYWHERE]),
    );
    this.engineDoes('ok');
    this.#service = this.start();
  }

  /** A service on the folder, beside or after the one there is. */
  start(): RunningService {
    const { environment, disk } = this.#options;
    const launcher =
      disk === undefined ? [] : ['unshare', '-rm', 'sh', '-c', ON_DISK, 'sh', this.dataRoot, disk];
    return new RunningService(
      `live:${join(this.#control, 'engine')}`,
      this.folder,
      {
        NODE_OPTIONS: `--import=${PRELOAD}`,
        HPB_FAULTS: this.#control,
        HPB_DATA_ROOT: this.dataRoot,
        ...environment,
      },
      launcher,
    );
  }

  get service(): RunningService {
    return this.#service;
  }

  /** Starts the service anew after its end. */
  async restart(): Promise<void> {
    this.#service = this.start();
    await this.#service.url();
  }

  /** What the engine double does from its next request on. */
  engineDoes(behaviour: string): void {
    writeFileSync(join(this.#control, 'engine'), behaviour);
  }

  /** Moves the clock of server and workers, ms ahead. */
  moveClock(ms: number): void {
    writeFileSync(join(this.#control, 'clock'), String(ms));
  }

  /** Lets the worker, or the server, stop as soon as it has logged a line with this text. */
  stopAt(role: 'worker' | 'server', text: string): void {
    rmSync(join(this.#control, `held-${role}`), { force: true });
    writeFileSync(join(this.#control, `hold-${role}`), text);
  }

  /** Process id of the worker or server that has stopped there; of the engine that holds a run. */
  async held(role: 'worker' | 'server' | 'engine'): Promise<number> {
    const path = join(this.#control, role === 'engine' ? 'engine.pid' : `held-${role}`);
    await within(30, `the ${role} stops`, () => existsSync(path) && readFileSync(path, 'utf8') !== '');
    const pid = Number(readFileSync(path, 'utf8'));
    rmSync(path);
    // It says so just before: what wakes it must not come too early.
    if (role !== 'engine') await within(5, `the ${role} stands`, () => isStopped(pid));
    return pid;
  }

  /** Processes below a process, by the kernel. */
  processes(kind: 'worker' | 'engine'): readonly number[] {
    const workers = childrenOf(this.#service.child.pid!);
    return kind === 'worker' ? workers : workers.flatMap(childrenOf);
  }

  /** Opens an upload and gives its signed PUT. */
  async openUpload(bytes: Buffer, fileName = 'ct.nii.gz'): Promise<{ uploadId: string; put: SignedPut }> {
    const body = { fileName, sizeBytes: bytes.length, sha256: sha256Of(bytes) };
    const answer = await this.post('/uploads', body);
    const { uploadId, put } = uploadAnswer.parse(await answer.json());
    return { uploadId, put: put! };
  }

  /** Starts a job of a complete upload; `key`: its Idempotency-Key. */
  async submit(uploadId: string, target = 'liver', key?: string): Promise<JobAnswer> {
    const answer = await this.post(`/segment/${target}`, { uploadId }, key);
    if (answer.status !== 202) throw new Error(`submit: ${answer.status} ${await answer.text()}`);
    return jobAnswer.parse(await answer.json());
  }

  /** Uploads a CT or an archive and starts a job of it. */
  async send(
    bytes: Buffer,
    options: { readonly target?: string; readonly key?: string } = {},
  ): Promise<JobAnswer> {
    const { target = 'liver', key } = options;
    const { uploadId, put } = await this.openUpload(bytes, target === 'batch' ? 'cases.tar.gz' : 'ct.nii.gz');
    const sent = await fetch(put.url, { method: 'PUT', headers: put.headers, body: new Uint8Array(bytes) });
    if (!sent.ok) throw new Error(`upload: ${sent.status} ${await sent.text()}`);
    return this.submit(uploadId, target, key);
  }

  /** The job once it is final. Throws when it is not within the bound. */
  async ended(jobId: string, boundSeconds: number): Promise<JobAnswer> {
    let last: JobAnswer | null = null;
    await within(boundSeconds, `job ${jobId} ends`, async () => {
      const answer = await this.service.fetch(`/jobs/${jobId}`);
      if (!answer.ok) throw new Error(`the job is lost: ${answer.status} ${await answer.text()}`);
      last = jobAnswer.parse(await answer.json());
      return isFinal(last.state);
    }).catch((thrown: Error) => {
      throw new Error(`${thrown.message}; it stands at ${JSON.stringify(last)}`, { cause: thrown });
    });
    return last!;
  }

  /** SHA-256 of the liver mask of a case, as the API hands it out; null when there is none. */
  async maskOf(jobId: string, caseId = 'c0001'): Promise<string | null> {
    const answer = await this.service.fetch(`/jobs/${jobId}/cases/${caseId}/files/liver.nii.gz`);
    const bytes = await answer.bytes();
    return answer.ok ? sha256Of(bytes) : null;
  }

  /** metadata.json of the first case of a job. */
  async metadataOf(jobId: string): Promise<Metadata> {
    const answer = await this.service.fetch(`/jobs/${jobId}/cases/c0001/files/metadata.json`);
    return metadataSchema.parse(await answer.json());
  }

  async post(path: string, body?: object, key?: string): Promise<Response> {
    return this.service.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** The data root as the service sees it, which may have a disk of its own. */
  seenByService(...path: readonly string[]): string {
    const { disk } = this.#options;
    const seen = disk === undefined ? '' : `/proc/${this.#service.child.pid}/root`;
    return join(`${seen}${this.dataRoot}`, ...path);
  }

  /** Ends the service and says what is left of it: processes, scratch, unfinished writes, locks. */
  async leftovers(): Promise<readonly string[]> {
    const left = await this.#left();
    // What a killed process was writing goes within the hour, or at the next start.
    if (
      left.length === 0 ||
      this.#options.disk !== undefined ||
      left.some((one) => one.startsWith('process'))
    )
      return left;
    await this.restart();
    return this.#left();
  }

  async #left(): Promise<readonly string[]> {
    const files = ['scratch', 'objects/.partial', 'objects/.locks'];
    // A disk of its own goes with the service: looked at while that still runs, after its last job.
    const early = this.#options.disk === undefined ? [] : await this.#unfinished(files.slice(1));
    await this.service.stop('SIGTERM');
    await within(15, 'processes end', () => processesOf(this.folder).length === 0).catch(() => undefined);
    return [
      ...processesOf(this.folder).map((pid) => `process ${pid}`),
      ...early,
      ...this.#files([...files, 'service.lock']),
    ];
  }

  /** Ends server, worker and engine at once, and with them the bytes of objects that were not brought to the disk. */
  async cutPower(): Promise<void> {
    const pids = [...this.processes('engine'), ...this.processes('worker')];
    const ended = this.service.stop('SIGKILL');
    for (const pid of pids) kill(pid, 'SIGKILL');
    await ended;
    const synced = new Set(readFileSync(join(this.#control, 'synced'), 'utf8').split('\n'));
    const objects = join(this.dataRoot, 'objects');
    for (const entry of readdirSync(objects, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && !synced.has(String(statSync(path).ino))) truncateSync(path);
    }
  }

  /** Ends everything by force and removes the folder. */
  async close(): Promise<void> {
    await this.service.stop('SIGKILL');
    for (const pid of processesOf(this.folder)) kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** What is still there after whatever was being written can have been. */
  async #unfinished(names: readonly string[]): Promise<readonly string[]> {
    await within(3, 'writes end', () => this.#files(names).length === 0).catch(() => undefined);
    return this.#files(names);
  }

  #files(names: readonly string[]): readonly string[] {
    return names.flatMap((name) => {
      const path =
        this.service.child.exitCode === null ? this.seenByService(name) : join(this.dataRoot, name);
      if (!existsSync(path)) return [];
      if (name === 'service.lock') return [name];
      const entries = readdirSync(path, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => `${name}/…/${entry.name}`);
    });
  }
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

type Metadata = ReturnType<typeof metadataSchema.parse>;
type SignedPut = NonNullable<ReturnType<typeof uploadAnswer.parse>['put']>;

/** A CT that the input check lets pass, as `.nii.gz`: another one for another seed, the same bytes for the same. */
export async function ctOf(seed: number): Promise<Buffer> {
  return niftiOf(smallCt(seed));
}

async function niftiOf(ct: Volume): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'hpb-ct-'));
  const path = join(folder, 'ct.nii.gz');
  await writeNifti(path, ct);
  const bytes = readFileSync(path);
  rmSync(folder, { recursive: true });
  return bytes;
}

/** A phantom that the real engines find a liver in, as `.nii.gz`. */
export async function phantomCt(): Promise<Buffer> {
  return niftiOf(makePhantom({ seed: 2, grid: phantomGrid('small') }).ct);
}
