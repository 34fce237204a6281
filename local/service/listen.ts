import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HpbError } from '../../core/errors.ts';

/** A server that listens on the loopback address. */
export interface Listening {
  readonly port: number;
  /** Takes no new connection, ends those that are open after `graceMs`, and resolves when all are gone. */
  readonly close: (graceMs: number) => Promise<void>;
}

const HEADERS_TIMEOUT_MS = 20_000;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Serves on 127.0.0.1 only. A request may take as long as its bytes keep coming: uploads run for hours on a slow
 * line; the app itself ends bodies that stand still.
 *
 * @throws HpbError SETTINGS_INVALID when the port cannot be had.
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  port: number,
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portError(port, error)));
    server.listen(port, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function portError(port: number, error: NodeJS.ErrnoException): HpbError {
  const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be had (${error.code})`;
  return new HpbError('SETTINGS_INVALID', `Port ${port} of this machine ${why}.`, {
    remedy: 'Set HPB_PORT to a free port, or end the program that has this one.',
    details: { name: 'HPB_PORT' },
    cause: error,
  });
}
