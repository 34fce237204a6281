import { connect, type Socket } from 'node:net';
import { get, request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { uploadAnswer } from '../../core/requests.ts';
import { post, type ServiceProcess } from '../service/service-process.ts';

/** A client that behaves badly, and whether the service dealt with it. */
export interface AbuseReport {
  readonly what: string;
  readonly held: boolean;
  readonly found: string;
}

const SLOW = 200;
/** The service waits 20 s for headers, and looks every 30 s. */
const LONGEST_HEADERS_MS = 60_000;

/** Connections that send a byte of a header now and then: the service must end them, and serve others meanwhile. */
export async function slowLoris(service: ServiceProcess): Promise<AbuseReport> {
  const sockets = Array.from({ length: SLOW }, () => rawSocket(service));
  const ended = (): number => sockets.filter((socket) => socket.destroyed).length;
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
  }
  const worst = { ms: 0 };
  const start = performance.now();
  while (ended() < SLOW && performance.now() - start < LONGEST_HEADERS_MS) {
    for (const socket of sockets) if (socket.writable) socket.write('x');
    worst.ms = Math.max(worst.ms, await healthMs(service));
    await sleep(500);
  }
  const seconds = (performance.now() - start) / 1000;
  const gone = ended();
  sockets.forEach((socket) => socket.destroy());
  return {
    what: `${SLOW} connections that never end their headers`,
    held: gone === SLOW,
    found: `${gone} ended by the service within ${seconds.toFixed(0)} s; slowest health check meanwhile ${worst.ms.toFixed(0)} ms`,
  };
}

/** Requests with 64 KiB of headers are refused, not kept. */
export async function hugeHeaders(service: ServiceProcess): Promise<AbuseReport> {
  const statuses = await Promise.all(
    Array.from(
      { length: 50 },
      () =>
        new Promise<number>((resolve) => {
          const asked = get(
            `${service.url}/healthz`,
            { headers: { 'x-huge': 'h'.repeat(64 * 1024) } },
            (answer) => {
              answer.resume();
              resolve(answer.statusCode ?? 0);
            },
          );
          asked.on('error', () => resolve(0));
        }),
    ),
  );
  const refused = statuses.filter((status) => status === 431).length;
  return {
    what: '50 requests with 64 KiB of headers',
    held: refused === 50,
    found: `${refused} answered 431`,
  };
}

const UPLOAD_BYTES = 4 * 2 ** 20;

/** Uploads that break off: they stay open, and the same bytes can be sent again. */
export async function abortedUploads(service: ServiceProcess): Promise<AbuseReport> {
  const put = await openPut(service);
  for (let at = 0; at < 50; at++) await broken(put);
  const whole = await fetch(put.url, {
    method: 'PUT',
    headers: put.headers,
    body: Buffer.alloc(UPLOAD_BYTES),
  });
  await whole.arrayBuffer();
  return {
    what: '50 uploads that break off half-way, then one that does not',
    held: whole.ok,
    found: `the last one is answered ${whole.status}`,
  };
}

async function openPut(
  service: ServiceProcess,
): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }> {
  const body = { fileName: 'ct.nii.gz', sizeBytes: UPLOAD_BYTES };
  return uploadAnswer.parse(await post(service, '/uploads', body)).put!;
}

async function broken(put: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<void> {
  await new Promise<void>((resolve) => {
    const asked = request(put.url, { method: 'PUT', headers: put.headers });
    asked.on('error', () => undefined).on('close', () => resolve());
    asked.write(Buffer.alloc(UPLOAD_BYTES / 2), () => asked.destroy());
  });
}

const WATCHERS = 500;

/** Clients that watch a running job: each gets its state, others are served, and nothing of them stays behind. */
export async function idleStreams(
  service: ServiceProcess,
  jobId: string,
  openFiles: () => Promise<number>,
): Promise<AbuseReport> {
  const before = await openFiles();
  let heard = 0;
  const answers = await Promise.all(
    Array.from(
      { length: WATCHERS },
      () =>
        new Promise<IncomingMessage>((resolve, reject) => {
          get(`${service.url}/jobs/${jobId}/events`, (answer) => {
            answer.once('data', () => (heard += 1)).resume();
            answer.on('error', () => undefined);
            resolve(answer);
          }).on('error', reject);
        }),
    ),
  );
  const times: number[] = [];
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    times.push(await healthMs(service));
    await sleep(50);
  }
  answers.forEach((answer) => answer.destroy());
  await sleep(3000);
  const left = (await openFiles()) - before;
  const sorted = times.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(0.99 * (sorted.length - 1))]!;
  return {
    what: `${WATCHERS} event streams of a running job`,
    held: heard === WATCHERS && left <= 5,
    found: `${heard} got its state; health checks meanwhile p50 ${sorted[sorted.length >> 1]!.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms; ${left} descriptors more than before at the end`,
  };
}

async function healthMs(service: ServiceProcess): Promise<number> {
  const start = performance.now();
  const answer = await fetch(`${service.url}/healthz`);
  await answer.arrayBuffer();
  return answer.ok ? performance.now() - start : Infinity;
}

function rawSocket({ url }: ServiceProcess): Socket {
  return connect(Number(new URL(url).port), '127.0.0.1');
}
