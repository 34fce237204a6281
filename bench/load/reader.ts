/**
 * A client in a process of its own that asks at a fixed rate, whether answers come or not, and measures each from the
 * time at which it was due: a server that stalls cannot hide it by slowing its client down.
 *
 * node bench/load/reader.ts --url http://127.0.0.1:8080 --rate 1000 --seconds 30 --paths '["/healthz"]'
 */
import { Agent, get } from 'node:http';
import { stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** What the client saw. */
export interface ReadFigures {
  readonly asked: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly ms: { readonly p50: number; readonly p99: number; readonly most: number };
  /** How late requests left, ms: of this client, not of the server. */
  readonly lateMs: { readonly p50: number; readonly p99: number };
  readonly bytes: number;
}

const PATIENCE_MS = 30_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: '' },
      rate: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '30' },
      paths: { type: 'string', default: '[]' },
    },
  });
  const paths = JSON.parse(values.paths) as readonly string[];
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const times: number[] = [];
  const late: number[] = [];
  const errors: Record<string, number> = {};
  let bytes = 0;
  const open = new Set<number>();
  const failed = (what: string): void => void (errors[what] = (errors[what] ?? 0) + 1);
  const ask = (at: number, due: number): void => {
    open.add(at);
    const now = performance.now();
    late.push(Math.max(0, now - due));
    // One that left a little early cannot have been answered before it was asked.
    const from = Math.min(now, due);
    const request = get(
      `${values.url}${paths[at % paths.length]!}`,
      { agent, timeout: PATIENCE_MS },
      (answer) => {
        answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
        answer.on('end', () => times.push(performance.now() - from));
        if (answer.statusCode !== 200) failed(`status ${answer.statusCode}`);
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    request.on('close', () => open.delete(at));
  };
  const start = performance.now();
  for (let at = 0; at < rate * seconds; at++) {
    const due = start + (1000 * at) / rate;
    const wait = due - performance.now();
    if (wait > 1) await sleep(wait);
    // Answers must be heard even when all requests are late.
    else if (at % 16 === 0) await new Promise(setImmediate);
    ask(at, due);
  }
  for (const end = performance.now() + PATIENCE_MS; open.size > 0 && performance.now() < end;)
    await sleep(20);
  agent.destroy();
  const figures: ReadFigures = {
    asked: rate * seconds,
    errors,
    ms: { p50: rank(times, 0.5), p99: rank(times, 0.99), most: rank(times, 1) },
    lateMs: { p50: rank(late, 0.5), p99: rank(late, 0.99) },
    bytes,
  };
  stdout.write(JSON.stringify(figures));
}

function rank(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number((sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(2));
}

await main();
