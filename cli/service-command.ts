import { InvalidArgumentError, Option } from 'commander';
import { isCaseId, isJobId } from '../core/layout.ts';
import { createHpbClient } from './api/client.ts';
import { resolveEndpoint, type EndpointArguments } from './api/endpoint.ts';
import { patientFetch } from './api/patient-fetch.ts';
import { connectService, type Service } from './api/service.ts';
import type { CommandContext } from './context.ts';

/** What every command that talks to the service takes. */
export interface ServiceArguments extends EndpointArguments {
  readonly json?: true;
}

/** Shorter pauses say nothing to a person who waits. */
const SAID_FROM_MS = 2_000;

/** `--endpoint`, `--aws` and `--json`. */
export function serviceOptions(json = 'print one JSON document'): readonly Option[] {
  return [
    new Option(
      '--endpoint <url>',
      'the service (default: HPB_ENDPOINT, else the one of this machine, http://127.0.0.1:<HPB_PORT>)',
    ),
    new Option('--aws', 'sign calls with the standard AWS credentials; hosts of AWS are signed for anyhow'),
    new Option('--json', json),
  ];
}

/** The service that the arguments and settings name. Nothing is sent yet. */
export async function connect(context: CommandContext, given: ServiceArguments): Promise<Service> {
  const { stderr, signal, settings } = context;
  const { url, signRegion } = resolveEndpoint(given, settings);
  // Loaded when needed: the SDK would double the time that `hpb --help` takes.
  const signed =
    signRegion === null
      ? {}
      : { fetch: (await import('./api/signing-fetch.ts')).signingFetch({ region: signRegion }) };
  const fetch = patientFetch({
    endpoint: url,
    signal,
    ...signed,
    onPause: ({ ms, reason }) => {
      if (ms >= SAID_FROM_MS) stderr.write(`${url}: ${reason}; asking again in ${Math.round(ms / 1000)} s\n`);
    },
  });
  return connectService(createHpbClient({ endpoint: url, fetch }), url);
}

/** A job id as an argument. */
export function jobIdArgument(text: string): string {
  if (!isJobId(text)) throw new InvalidArgumentError('A job id, as `hpb submit` and `hpb jobs` print it.');
  return text;
}

/** Several job ids as one argument that repeats. */
export function jobIdArguments(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), jobIdArgument(text)];
}

/** A case id as an option. */
export function caseIdArgument(text: string): string {
  if (!isCaseId(text)) throw new InvalidArgumentError('A case id such as c0001, as `hpb status` prints it.');
  return text;
}

/** A whole number from 1 to `most`. */
export function countArgument(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > most)
      throw new InvalidArgumentError(`A whole number from 1 to ${most}.`);
    return count;
  };
}

/** An amount of money, USD. */
export function usdArgument(text: string): number {
  const usd = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(usd) || usd <= 0 || usd > 1_000_000)
    throw new InvalidArgumentError('An amount above 0, in USD, such as 2.50.');
  return usd;
}
