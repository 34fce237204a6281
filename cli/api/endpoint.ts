import { HpbError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';

/** Where the service is and how its calls are signed. */
export interface Endpoint {
  /** Without a slash at the end. */
  readonly url: string;
  /** Region to sign for; null when calls go unsigned. */
  readonly signRegion: string | null;
}

/** What the command line says about the service. */
export interface EndpointArguments {
  readonly endpoint?: string;
  readonly aws?: true;
}

type EndpointSettings = Pick<Settings, 'HPB_ENDPOINT' | 'HPB_PORT' | 'AWS_REGION'>;

/**
 * The service to talk to: `--endpoint`, else HPB_ENDPOINT, else this machine's. Calls are signed where the host is
 * one of AWS's, or with `--aws`.
 *
 * @throws HpbError USAGE for what is no URL of a service, SETTINGS_INVALID when the region to sign for is unknown.
 */
export function resolveEndpoint(given: EndpointArguments, settings: EndpointSettings): Endpoint {
  const text = given.endpoint ?? settings.HPB_ENDPOINT ?? `http://127.0.0.1:${settings.HPB_PORT}`;
  const url = parsed(text);
  const address = url.href.replace(/\/+$/, '');
  if (given.aws !== true && !url.hostname.endsWith('.amazonaws.com'))
    return { url: address, signRegion: null };
  if (url.protocol === 'http:' && !isLoopback(url))
    throw usage(`--aws would send signed calls over plain http to ${url.host}.`, 'Use the https address.');
  const [, hostRegion] = /\.execute-api\.([a-z0-9-]+)\./.exec(url.hostname) ?? [];
  const region = hostRegion ?? settings.AWS_REGION;
  if (region === undefined)
    throw new HpbError('SETTINGS_INVALID', `The host ${url.host} does not tell the region to sign for.`, {
      remedy: 'Set AWS_REGION to the region of the deployment.',
    });
  return { url: address, signRegion: region };
}

/** Whether an address stays on this machine. */
const isLoopback = ({ hostname }: URL): boolean => /^(127\..*|localhost|\[::1\])$/.test(hostname);

function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw usage(
      `The endpoint ${JSON.stringify(text.replace(/\/\/[^/@]*@/, '//'))} is not an http or https URL.`,
      'Give it like http://127.0.0.1:8080 or https://<api>.execute-api.<region>.amazonaws.com/<stage>.',
    );
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw usage(
      `The endpoint at ${url.host} has a user name, a query or a fragment, which no endpoint of ours has.`,
      'Give scheme, host, port and path only; AWS credentials come from the standard chain.',
    );
  return url;
}

const usage = (message: string, remedy: string): HpbError => new HpbError('USAGE', message, { remedy });
