import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/transport';
import { SignatureV4 } from '@smithy/signature-v4';
import {
  emulatorLog,
  freePorts,
  ministackEnvironment,
  startEmulator,
  stopEmulator,
} from '../emulators/emulator-process.ts';
import { emulatorPython } from '../emulators/environment.ts';
import { ROOT } from '../fixtures/stacks.ts';

const PATIENCE_MS = 60_000;

/** Region and number of the account. */
export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

/** Keys of somebody in the account. */
export interface Access {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What a mocked state answers. */
export type MockedAnswer =
  { readonly Return: unknown } | { readonly Throw: { readonly Error: string; readonly Cause: string } };

/** An account of AWS in a MiniStack of its own that enforces IAM and speaks TLS only. */
export interface EmulatedAccount {
  readonly endpoint: string;
  /** File of the certificate that it shows. */
  readonly certificate: string;
  /** A folder that goes with it. */
  readonly folder: string;
  /** Where it prints to. */
  readonly log: string;
  /** From now on states of a machine answer so, whatever they do in AWS. */
  readonly mock: (machine: string, answers: Readonly<Record<string, MockedAnswer>>) => Promise<void>;
  /** Seconds that a `Wait` or a `Retry` of a second takes. */
  readonly scaleWaits: (scale: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Who may do everything. */
export const ADMINISTRATOR: Access = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Starts one, and lets this process trust its certificate. */
export async function emulatedAccount(): Promise<EmulatedAccount> {
  const python = await emulatorPython(ROOT, process.env);
  const folder = mkdtempSync(join(tmpdir(), 'hpb-account-'));
  const [port = 0] = await freePorts(1);
  const name = 'account';
  const child = startEmulator(python, folder, {
    name,
    command: ['mocked_ministack:main'],
    environment: { ...ministackEnvironment(port), AUTH: 'true', USE_SSL: '1' },
  });
  const endpoint = `https://127.0.0.1:${port}`;
  const certificate = join(folder, name, 'ministack-tls', 'server.crt');
  const configure = (config: Readonly<Record<string, unknown>>): Promise<void> =>
    told(`${endpoint}/_ministack/config`, config);
  const log = emulatorLog(folder, name);
  await untilItAnswers({ endpoint, certificate, log });
  return {
    endpoint,
    certificate,
    folder,
    log,
    mock: (machine, answers) => configure({ 'stepfunctions._sfn_mock_config': mockConfig(machine, answers) }),
    scaleWaits: (scale) => configure({ 'stepfunctions._SFN_WAIT_SCALE': scale }),
    stop: async () => {
      await stopEmulator(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilItAnswers(
  account: Pick<EmulatedAccount, 'endpoint' | 'certificate' | 'log'>,
): Promise<void> {
  const { endpoint, certificate, log } = account;
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(50)) {
    if (!existsSync(certificate)) continue;
    setDefaultCACertificates([...getCACertificates('bundled'), readFileSync(certificate, 'utf8')]);
    const answer = await fetch(`${endpoint}/_ministack/health`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
  }
  throw new Error(`The emulator at ${endpoint} does not answer. It printed:\n${readFileSync(log, 'utf8')}`);
}

async function told(url: string, body: unknown): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}

/** As Step Functions Local reads it; the case is that of test/emulators/mocked_ministack.py. */
function mockConfig(machine: string, answers: Readonly<Record<string, MockedAnswer>>): object {
  const states = Object.keys(answers);
  return {
    StateMachines: { [machine]: { TestCases: { Deployed: Object.fromEntries(states.map((s) => [s, s])) } } },
    MockedResponses: Object.fromEntries(
      Object.entries(answers).map(([s, answer]) => [s, { '0-999': answer }]),
    ),
  };
}

/** What an SDK client of the account is made with. */
export const clientOf = (
  { endpoint }: Pick<EmulatedAccount, 'endpoint'>,
  credentials: Access,
): {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Access;
  readonly maxAttempts: 1;
} => ({
  endpoint,
  region: REGION,
  credentials,
  maxAttempts: 1,
});

const VERSIONS = {
  cloudformation: '2010-05-15',
  iam: '2010-05-08',
  sns: '2010-03-31',
  sqs: '2012-11-05',
  sts: '2011-06-15',
} as const;

/** A call of the services that speak the query protocol; gives the answer's XML. */
export async function query(
  { endpoint }: Pick<EmulatedAccount, 'endpoint'>,
  service: keyof typeof VERSIONS,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ Version: VERSIONS[service], ...parameters }).toString();
  const type = 'application/x-www-form-urlencoded';
  return signedCall(endpoint, service, { method: 'POST', path: '/', body, type });
}

/** A call of Lambda's own API; gives the answer's JSON. */
export async function callLambda(
  { endpoint }: Pick<EmulatedAccount, 'endpoint'>,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body: object = {},
): Promise<Readonly<Record<string, unknown>>> {
  const text = await signedCall(endpoint, 'lambda', {
    method,
    path: `/2015-03-31/functions/${path}`,
    body: method === 'GET' ? '' : JSON.stringify(body),
    type: 'application/json',
  });
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

async function signedCall(
  endpoint: string,
  service: string,
  call: { readonly method: string; readonly path: string; readonly body: string; readonly type: string },
): Promise<string> {
  const { method, path, body, type } = call;
  const { hostname, port, host } = new URL(endpoint);
  const signer = new SignatureV4({ service, region: REGION, credentials: ADMINISTRATOR, sha256: Sha256 });
  const { headers } = await signer.sign(
    new HttpRequest({
      method,
      protocol: 'https:',
      hostname,
      port: Number(port),
      path,
      headers: { host, 'content-type': type },
      ...(body !== '' && { body }),
    }),
  );
  const { host: _, ...sent } = headers;
  const answer = await fetch(`${endpoint}${path}`, { method, headers: sent, ...(body !== '' && { body }) });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`${service} ${path} ${body} was answered ${answer.status}: ${text}`);
}

/** What stands in the elements of a name, in order. */
export function elements(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) =>
    text!.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
}
