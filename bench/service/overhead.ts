/**
 * One case through the whole laptop service (submission over HTTP to the result being ready; the bytes are uploaded
 * before) against the same case by the way of `hpb segment` (the worker's `runShard` in this process), both with the
 * real engines, warm, taking turns on the same phantom and the same weights.
 *
 * npm run bench:service-overhead -- [--rounds 7] [--target liver|task008|both]
 *
 * Exit code 1 above ours / plain 1.10.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { systemClock } from '../../adapters/system.ts';
import { runShard } from '../../container/worker.ts';
import { wireWorker, type WiredWorker } from '../../container/wire.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, type JobId } from '../../core/layout.ts';
import { REQUEST_MODELS } from '../../core/models/catalogue.ts';
import { jobAnswer, uploadAnswer } from '../../core/requests.ts';
import { shard } from '../../core/shard.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { machineFacts, median } from '../figures.ts';
import { benchMachine, PACKAGE_ROOT } from '../warm-engine.ts';
import { ended, post, sendSigned, startService, type ServiceProcess } from './service-process.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_RATIO = 1.1;
const SEED = 90_011;
const CASE = caseIdOf(1);
const OPTIONS = { fast: true, folds: [0], tta: false };

interface Plain {
  readonly worker: WiredWorker;
  readonly target: string;
}

/** Seconds of a case by the way of `hpb segment`, from the CT on disk to the published result. */
async function plainCase({ worker, target }: Plain, ct: string, round: number): Promise<number> {
  const jobId = `bench-overhead-${String(round).padStart(4, '0')}` as JobId;
  const start = performance.now();
  await worker.ports.store.putFile(caseInputKey(jobId, CASE), ct);
  const models = REQUEST_MODELS[target]!;
  const task = {
    caseId: CASE,
    inputKey: caseInputKey(jobId, CASE),
    models,
    options: OPTIONS,
    timeoutSeconds: 3600,
  };
  const work = shard.parse({ layoutVersion: 1, jobId, attempt: 1, cases: [task] });
  const { cases } = await runShard(work, worker.ports);
  const error = cases[0]?.error;
  if (error) throw new HpbError(error.code, error.message, { remedy: error.remedy });
  return (performance.now() - start) / 1000;
}

/** Seconds of a case through the service, as its own times say: a client's polling does not count. */
async function servedCase(service: ServiceProcess, ct: Uint8Array, target: string): Promise<number> {
  const body = { fileName: 'ct.nii.gz', sizeBytes: ct.length };
  const opened = uploadAnswer.parse(await post(service, '/uploads', body));
  await sendSigned(opened.put!, ct as Uint8Array<ArrayBuffer>);
  const asked = { uploadId: opened.uploadId, ...OPTIONS };
  const sentAt = Date.now();
  const { jobId } = jobAnswer.parse(await post(service, `/segment/${target}`, asked));
  const job = await ended(service, jobId);
  return (Date.parse(job.endedAt!) - sentAt) / 1000;
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    rounds: { type: 'string', default: '7' },
    target: { type: 'string', default: 'both' },
  });
  const { target } = values;
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-overhead-'));
  const { settings: given, venv, threads } = await benchMachine();
  const threadSettings = { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const dataRoot = join(scratch, 'service');
  const service = await startService({ dataRoot, venv, environment: threadSettings });
  const log = jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) });
  const settings = { ...given, HPB_DATA_ROOT: join(scratch, 'plain') };
  const store = new FileObjectStore(join(scratch, 'plain', 'objects'));
  const worker = await wireWorker({ settings, packageRoot: PACKAGE_ROOT, environment: env, log, store });
  try {
    const ct = join(scratch, 'ct.nii.gz');
    await writeNifti(ct, makePhantom({ seed: SEED, grid: phantomGrid('small') }).ct);
    const bytes = await readFile(ct);
    await plainCase({ worker, target }, ct, 0);
    await servedCase(service, bytes, target);
    const [plain, ours]: [number[], number[]] = [[], []];
    for (let round = 1; round <= Number(values.rounds); round++) {
      plain.push(await plainCase({ worker, target }, ct, round));
      // Whatever either side does behind its last answer is over.
      await sleep(200);
      ours.push(await servedCase(service, bytes, target));
      await sleep(200);
    }
    const hello = await worker.ports.engine.hello();
    const ratio = median(ours) / median(plain);
    stdout.write(
      `${machineFacts(hello)}, ${threads} threads, load ${loadavg()[0]!.toFixed(1)}, ${target}, median of ` +
        `${values.rounds}\nhpb segment ${median(plain).toFixed(2)} s, service ${median(ours).toFixed(2)} s, ours / ` +
        `plain ${ratio.toFixed(3)} (target <= ${MOST_RATIO}); each round: ` +
        `${ours.map((one, at) => (one / plain[at]!).toFixed(2)).join(' ')}\n`,
    );
    process.exitCode = ratio <= MOST_RATIO ? 0 : 1;
  } finally {
    await worker.close();
    await service.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
