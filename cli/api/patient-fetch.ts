import { setTimeout as sleep } from 'node:timers/promises';
import { HpbError } from '../../core/errors.ts';

/** How patient to be with a service that is away or busy. */
export interface PatienceOptions {
  readonly endpoint: string;
  readonly fetch?: (request: Request) => Promise<Response>;
  /** How long to go on trying after the first failure in a row, once the service has answered, default 2 min. */
  readonly patienceMs?: number;
  /** Pause before the second attempt, doubled each time, default 500 ms. */
  readonly pauseMs?: number;
  /** Longest time an answer may take, default 60 s. */
  readonly answerMs?: number;
  /** Told before a pause. */
  readonly onPause?: ((pause: { readonly ms: number; readonly reason: string }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MAX_PAUSE_MS = 15_000;
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * A `fetch` for the API that outlives a restart of the service: it repeats what no answer or a passing refusal came
 * to, as long as `Retry-After` asks or with growing pauses. A service that has never answered is given up at once, and
 * so is one that was given up before and has not come back.
 *
 * @throws HpbError SERVICE_UNREACHABLE or CANCELLED; the last answer is returned whatever its status.
 */
export function patientFetch(options: PatienceOptions): (request: Request) => Promise<Response> {
  const { fetch = globalThis.fetch, patienceMs = 120_000 } = options;
  let heard = false;
  // A command with many calls shall not be patient anew in each of them.
  let tired = false;
  return async (request) => {
    const giveUpAt = Date.now() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await once(request.clone(), fetch, options);
      heard ||= outcome instanceof Response;
      if (!isPassing(outcome)) tired = false;
      if (tired || isLast(request, outcome, { heard, attempt })) return answered(outcome, options.endpoint);
      const ms = pauseOf(outcome, attempt, options.pauseMs ?? 500);
      tired = Date.now() + ms > giveUpAt;
      if (tired) return answered(outcome, options.endpoint);
      await pause(outcome, ms, options);
    }
  };
}

/** Whether it may be otherwise the next time. */
const isPassing = (outcome: Response | Error): boolean =>
  !(outcome instanceof Response) || PASSING.has(outcome.status);

/** Whether nothing is to be gained by asking again. */
function isLast(
  request: Request,
  outcome: Response | Error,
  { heard, attempt }: { readonly heard: boolean; readonly attempt: number },
): boolean {
  if (!(outcome instanceof Response)) return !heard || !isSafeAgain(request);
  const { status } = outcome;
  // An error that the service did not foresee seldom passes.
  if (!isPassing(outcome) || (status === 500 && attempt >= 3)) return true;
  return status !== 429 && status !== 503 && !isSafeAgain(request);
}

function answered(outcome: Response | Error, endpoint: string): Response {
  if (outcome instanceof Response) return outcome;
  throw unreachable(endpoint, outcome);
}

async function pause(
  outcome: Response | Error,
  ms: number,
  { signal, onPause }: PatienceOptions,
): Promise<void> {
  onPause?.({ ms, reason: outcome instanceof Response ? `HTTP ${outcome.status}` : 'no answer' });
  if (outcome instanceof Response) await outcome.body?.cancel();
  await sleep(ms, undefined, { signal }).catch(() => {
    throw interrupted();
  });
}

/** The answer, or why there was none. */
async function once(
  request: Request,
  fetch: (request: Request) => Promise<Response>,
  { signal, answerMs = 60_000 }: PatienceOptions,
): Promise<Response | Error> {
  const limits = [AbortSignal.timeout(answerMs), ...(signal === undefined ? [] : [signal])];
  try {
    return await whole(await fetch(new Request(request, { signal: AbortSignal.any(limits) })));
  } catch (error) {
    if (signal?.aborted === true) throw interrupted();
    // Not of the network: the request could not even be signed.
    if (error instanceof HpbError || !(error instanceof Error)) throw error;
    return error;
  }
}

/** With its body here: an answer that breaks off is none. */
async function whole({ status, statusText, headers, body }: Response): Promise<Response> {
  const content = body === null ? null : await new Response(body).arrayBuffer();
  // Such an answer may hold nothing, not even an empty body.
  const empty = content === null || status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : content, { status, statusText, headers });
}

/** A second `retry` would meet the attempt that the first one began; all else may be said twice. */
const isSafeAgain = (request: Request): boolean => !new URL(request.url).pathname.endsWith('/retry');

function pauseOf(outcome: Response | Error, attempt: number, pauseMs: number): number {
  const asked = outcome instanceof Response ? Number(outcome.headers.get('retry-after') ?? NaN) : NaN;
  return Number.isFinite(asked) && asked >= 0 ? asked * 1000 : Math.min(MAX_PAUSE_MS, pauseMs * 2 ** attempt);
}

function interrupted(): HpbError {
  return new HpbError('CANCELLED', 'Interrupted while the service was asked.', {
    remedy: 'Run the same command again.',
  });
}

function unreachable(endpoint: string, error: Error): HpbError {
  const cause = error.cause instanceof Error ? error.cause : error;
  const plain = ['Error', 'TypeError'].includes(cause.name);
  const reason = (cause as NodeJS.ErrnoException).code ?? (plain ? cause.message : cause.name);
  return new HpbError('SERVICE_UNREACHABLE', `Nothing answers at ${endpoint} (${reason}).`, {
    remedy: unreachableRemedy(endpoint, reason),
    details: { reason },
    cause: error,
  });
}

function unreachableRemedy(endpoint: string, reason: string): string {
  if (reason === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `It speaks no TLS: if it is the service of this machine, give --endpoint ${endpoint.replace('https', 'http')}.`;
  return /^(127\.|localhost$|\[::1\]$)/.test(new URL(endpoint).hostname)
    ? 'Start it with npm start, or name another service with --endpoint or HPB_ENDPOINT.'
    : 'Check the address (--endpoint or HPB_ENDPOINT) and the network, and try again.';
}
