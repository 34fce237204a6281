/**
 * Upload of a large file through the laptop server (signed parts, then the completion that joins them) against a plain
 * copy with checksum (read, SHA-256, write, fsync) of the same file on the same disk, in turns; and the memory of the
 * server process while it takes the file.
 *
 * npm run bench:service-upload -- [--bytes 2000000000] [--rounds 2] [--parallel 4]
 *
 * Exit code 1 when the throughput is below 0.5 of the plain copy's, or the server grows above 150 MB.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { mapLimited } from '../../core/map-limited.ts';
import { uploadAnswer } from '../../core/requests.ts';
import { machineFacts, median } from '../figures.ts';
import { memoryOf, post, sendSigned, startService, type ServiceProcess } from './service-process.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const LEAST_RATIO = 0.5;
const MOST_BYTES = 150e6;
const CHUNK_BYTES = 2 ** 20;
const LOOK_MS = 50;

async function writeRandom(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let left = bytes; left > 0; left -= chunk.length) {
    randomFillSync(chunk);
    await file.writeFile(chunk.subarray(0, Math.min(left, chunk.length)));
  }
  await file.sync();
  await file.close();
}

/** Seconds of a plain copy. */
async function plainCopy(from: string, to: string): Promise<number> {
  const start = performance.now();
  const hash = createHash('sha256');
  const target = await open(to, 'w');
  for await (const chunk of createReadStream(from, { highWaterMark: CHUNK_BYTES })) {
    hash.update(chunk as Buffer);
    await target.writeFile(chunk as Buffer);
  }
  hash.digest();
  await target.sync();
  await target.close();
  const seconds = (performance.now() - start) / 1000;
  await rm(to);
  return seconds;
}

interface UploadTime {
  readonly sending: number;
  /** Joining the parts. */
  readonly completing: number;
  /** Highest memory of the server meanwhile, bytes; while idle just before. */
  readonly peak: number;
  readonly idle: number;
}

/** Uploads a file; it stays in the store, which the caller removes. */
async function upload(
  service: ServiceProcess,
  path: string,
  { bytes, parallel }: { readonly bytes: number; readonly parallel: number },
): Promise<UploadTime> {
  const idle = (await memoryOf(service.pid)).now;
  let peak = idle;
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, (await memoryOf(service.pid)).now);
      await sleep(LOOK_MS);
    }
  })();
  const start = performance.now();
  const opened = uploadAnswer.parse(
    await post(service, '/uploads', { fileName: 'ct.nii', sizeBytes: bytes }),
  );
  const { partBytes, missing } = opened.parts!;
  await mapLimited(missing, parallel, async ({ part, bytes: length, request }) => {
    const from = (part - 1) * partBytes;
    const stretch = createReadStream(path, {
      start: from,
      end: from + length - 1,
      highWaterMark: CHUNK_BYTES,
    });
    await sendSigned(request, Readable.toWeb(stretch) as ReadableStream<Uint8Array>);
  });
  const sent = performance.now();
  await post(service, `/uploads/${opened.uploadId}/complete`, {});
  const end = performance.now();
  done.abort();
  await watching;
  return { sending: (sent - start) / 1000, completing: (end - sent) / 1000, peak, idle };
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    bytes: { type: 'string', default: '2000000000' },
    rounds: { type: 'string', default: '2' },
    parallel: { type: 'string', default: '4' },
  });
  const bytes = Number(values.bytes);
  const folder = await mkdtemp(join(tmpdir(), 'hpb-upload-'));
  const ct = join(folder, 'ct.nii');
  try {
    await writeRandom(ct, bytes);
    stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}, ${mb(bytes)}\n`);
    const [plain, ours]: [number[], UploadTime[]] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      plain.push(await plainCopy(ct, join(folder, 'copy.nii')));
      const dataRoot = join(folder, `data-${round}`);
      const service = await startService({ dataRoot });
      ours.push(await upload(service, ct, { bytes, parallel: Number(values.parallel) }));
      await service.stop();
      await rm(dataRoot, { recursive: true });
      const { sending, completing, peak, idle } = ours.at(-1)!;
      stdout.write(
        `plain ${plain.at(-1)!.toFixed(1)} s; upload ${(sending + completing).toFixed(1)} s, of that joining ` +
          `${completing.toFixed(1)} s; server ${mb(idle)} idle, ${mb(peak)} at most\n`,
      );
    }
    const ratio = median(plain) / median(ours.map(({ sending, completing }) => sending + completing));
    const peak = Math.max(...ours.map((one) => one.peak));
    stdout.write(
      `throughput ours / plain: ${ratio.toFixed(2)} (target >= ${LEAST_RATIO}); server at most ${mb(peak)} ` +
        `(target <= ${mb(MOST_BYTES)})\n`,
    );
    process.exitCode = ratio >= LEAST_RATIO && peak <= MOST_BYTES ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
