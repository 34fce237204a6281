import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HpbError } from '../../core/errors.ts';
import type { ResultAnswer } from '../../core/requests.ts';
import { prepareFolder } from '../../local/export-case.ts';
import { downloadFile } from '../../local/models/download-file.ts';

/** Which result to fetch, and where to. */
export interface DownloadRequest {
  /** Gives a link that has not expired; asked again when one does. */
  readonly link: () => Promise<ResultAnswer>;
  /** Folder; made if need be. */
  readonly out: string;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** See `downloadFile`. */
  readonly pauseMs?: number;
}

/** A result on this machine. */
export interface DownloadedResult {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Links last minutes: so many in a row that are refused do not lack time. */
const MAX_REFUSED = 3;

/**
 * Fetches a result: goes on where an interrupted call stopped, checks the SHA-256, and shows the file only when it is
 * whole. A result that lies there already is not fetched again.
 *
 * @throws HpbError OBJECT_CHECKSUM_MISMATCH (nothing is kept), SERVICE_UNREACHABLE (what came is kept), DISK_FULL,
 * OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function downloadResult(request: DownloadRequest): Promise<DownloadedResult> {
  const { out, onProgress, signal, pauseMs } = request;
  await prepareFolder(out);
  for (let refused = 0; ; refused += 1) {
    const { url, fileName, bytes, sha256 } = await request.link();
    const path = join(out, safeName(fileName));
    if ((await sha256Of(path)) === sha256) return { path, bytes, sha256 };
    const resumed = existsSync(`${path}.part`);
    try {
      const options = { onProgress, signal, ...(pauseMs !== undefined && { pauseMs }) };
      await downloadFile({ url, path, bytes, sha256, md5: null, ...options });
      return { path, bytes, sha256 };
    } catch (error) {
      // What an earlier call has left may be of an earlier result: it is gone now.
      if (resumed && error instanceof HpbError && error.code === 'WEIGHTS_CORRUPT') continue;
      const isExpired = error instanceof HpbError && error.details['status'] === 403;
      if (!isExpired || refused >= MAX_REFUSED) throw resultError(error, new URL(url).host);
    }
  }
}

/** The name as a file of one folder, whatever the service says. */
function safeName(name: string): string {
  const plain = basename(name.replaceAll('\\', '/')).replaceAll(/[\p{Cc}:*?"<>|]/gu, '_');
  return plain === '' || plain.startsWith('.') ? 'results.zip' : plain;
}

/** Errors of the download in words about results; those of `downloadFile` speak of weights and may hold the URL. */
function resultError(error: unknown, host: string): unknown {
  if (!(error instanceof HpbError)) return error;
  if (error.code === 'WEIGHTS_CORRUPT')
    return new HpbError(
      'OBJECT_CHECKSUM_MISMATCH',
      `What ${host} sent is not the result that the service names: size or checksum differ. Nothing of it was kept.`,
      {
        remedy:
          'Fetch it again; if it happens again, a proxy changes what passes, or the stored file is damaged.',
      },
    );
  if (error.code === 'WEIGHTS_DOWNLOAD_FAILED' || error.code === 'NETWORK_UNREACHABLE') {
    const { status } = error.details;
    const reason = typeof status === 'number' ? `HTTP ${status}` : 'the connection fails';
    return new HpbError('SERVICE_UNREACHABLE', `The result cannot be fetched from ${host}: ${reason}.`, {
      remedy: 'Run the same command again when the network is back: what was fetched is kept.',
    });
  }
  return error;
}

/** Null when there is no such file. */
async function sha256Of(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
  } catch {
    return null;
  }
  return hash.digest('hex');
}
