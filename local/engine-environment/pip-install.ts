import { readdirSync } from 'node:fs';
import { runProcess, type Environment, type ProcessResult } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';

/** One pip run in an environment. */
export interface PipRequest {
  readonly python: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Packages that this run deals with, counted. */
  readonly total: number;
  /** Folder whose `.dist-info` folders are counted while pip unpacks in silence. */
  readonly sitePackages: string;
  readonly onProgress: (message: string, done: number, total: number) => void;
}

const POLL_MS = 500;

const NETWORK =
  /Temporary failure in name resolution|Name or service not known|nodename nor servname|getaddrinfo failed|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Network is unreachable|Connection refused|Connection reset|RemoteDisconnected|IncompleteRead|Connection broken|CERTIFICATE_VERIFY_FAILED|Max retries exceeded/;
const DISK = /No space left on device|Disk quota exceeded/;

/**
 * Runs `pip install` with the user's own pip configuration; its lines become progress.
 *
 * @throws HpbError NETWORK_UNREACHABLE, DISK_FULL, ENGINES_INSTALL_FAILED with pip's last lines, CANCELLED.
 */
export async function pipInstall(request: PipRequest): Promise<void> {
  const seen = new Set<string>();
  let networkTrouble: string | null = null;
  let poll: NodeJS.Timeout | undefined;
  const { total, onProgress } = request;
  const onLine = (line: string): void => {
    const [, requirement] =
      /^(?:Collecting|Processing|Requirement already satisfied:) ([^\s=<>!~;[(]+)/.exec(line) ?? [];
    if (requirement !== undefined) {
      seen.add(requirement);
      onProgress('Collecting packages', Math.min(seen.size, total), total);
    }
    const work = /^\s+(Downloading \S+(?: \([^)]*\))?|Building wheel for \S+)/.exec(line)?.[1];
    if (work !== undefined) onProgress(shortened(work), Math.min(seen.size, total), total);
    if (NETWORK.test(line)) networkTrouble ??= line.trim();
    if (line.startsWith('Installing collected packages:')) poll ??= startPolling(line, request);
  };
  try {
    const result = await runProcess({
      command: request.python,
      args: ['-I', '-m', 'pip', 'install', '--no-compile', '--progress-bar', 'off', ...request.args],
      environment: request.environment,
      signal: request.signal,
      onLine,
    });
    if (result.exitCode !== 0) throw failure(result, networkTrouble);
  } finally {
    clearInterval(poll);
  }
}

function startPolling(line: string, request: PipRequest): NodeJS.Timeout {
  const packages = line.slice(line.indexOf(':')).split(',').length;
  const count = (): number =>
    readdirSync(request.sitePackages).filter((name) => name.endsWith('.dist-info')).length;
  const before = count();
  return setInterval(() => {
    const done = Math.min(packages, Math.max(0, count() - before));
    request.onProgress('Installing packages', done, packages);
  }, POLL_MS);
}

function failure(result: ProcessResult, networkTrouble: string | null): HpbError {
  const lines = result.tail.filter((line) => line.trim() !== '' && !line.startsWith('WARNING: Location'));
  const tail = lines.slice(-8).join('\n');
  const details = { exitCode: result.exitCode, pip: tail };
  if (lines.some((line) => DISK.test(line))) {
    return new HpbError('DISK_FULL', 'The disk ran full while the engines were installed.', {
      remedy: 'Free some gigabytes and start again: what is downloaded is kept.',
      details,
    });
  }
  if (networkTrouble !== null) {
    return new HpbError(
      'NETWORK_UNREACHABLE',
      `pip could not reach its package index: ${networkTrouble.slice(0, 300)}`,
      {
        remedy:
          'Check the connection, proxy (HTTPS_PROXY) and certificates (PIP_CERT), or give pip a mirror (PIP_INDEX_URL), and start again: what is downloaded is kept.',
        details,
      },
    );
  }
  return new HpbError('ENGINES_INSTALL_FAILED', `pip could not install the engines:\n${tail}`, {
    remedy:
      'Read the lines of pip above; `hpb doctor` shows this machine, and a second start goes on from here.',
    details,
  });
}

function shortened(work: string): string {
  return work.replace(/^(Downloading )\S*?([^/\s]+?)(?:-(?:cp|py)\d\S*)?( \(|$)/, '$1$2$3');
}
