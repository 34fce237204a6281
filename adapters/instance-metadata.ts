import { z } from 'zod';
import { HpbError } from '../core/errors.ts';

/** What EC2 says before it takes a spot machine away. */
export interface SpotNotice {
  /** `terminate`, `stop` or `hibernate`. */
  readonly action: string;
  /** When, ms since 1970. */
  readonly at: number;
}

/** Where the metadata of this machine are to be had, unless the variable of the SDKs says otherwise. */
const ENDPOINT = 'http://169.254.169.254';
const TIMEOUT_MS = 2_000;
const TOKEN_SECONDS = 21_600;

const notice = z.object({ action: z.string(), time: z.iso.datetime() });

/** The metadata service of an EC2 machine, version 2. Nothing but the interruption notice is ever asked for. */
export class InstanceMetadata {
  readonly #endpoint: string;
  #token: string | null = null;

  constructor(endpoint: string = ENDPOINT) {
    this.#endpoint = endpoint.replace(/\/+$/, '');
  }

  /**
   * Null while the machine is to stay.
   *
   * @throws HpbError SERVICE_UNREACHABLE when there is no such service here, or it does not answer as it should.
   */
  async spotNotice(): Promise<SpotNotice | null> {
    let answer = await this.#get('/latest/meta-data/spot/instance-action');
    if (answer.status === 401) {
      this.#token = null;
      answer = await this.#get('/latest/meta-data/spot/instance-action');
    }
    const text = await answer.text();
    if (answer.status === 404) return null;
    if (!answer.ok) throw unreachable(`status ${answer.status}`);
    const parsed = notice.safeParse(parseJson(text));
    if (!parsed.success) throw unreachable('an interruption notice of another shape');
    return { action: parsed.data.action, at: Date.parse(parsed.data.time) };
  }

  async #get(path: string): Promise<Response> {
    this.#token ??= await this.#newToken();
    return this.#ask(path, { headers: { 'x-aws-ec2-metadata-token': this.#token } });
  }

  async #newToken(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) };
    const answer = await this.#ask('/latest/api/token', { method: 'PUT', headers });
    const token = await answer.text();
    if (!answer.ok) throw unreachable(`status ${answer.status} to the request for a token`);
    return token;
  }

  async #ask(path: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.#endpoint}${path}`, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw unreachable('no answer', cause);
    }
  }
}

function unreachable(what: string, cause?: unknown): HpbError {
  return new HpbError('SERVICE_UNREACHABLE', `The metadata service of this machine gave ${what}.`, {
    remedy:
      'Only spot machines need it. On EC2: allow version 2 of the service, with a hop limit of 1 or more.',
    cause,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
