import type { z } from 'zod';
import { HpbError } from '../errors.ts';
import { LAYOUT_VERSION } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';

/**
 * Reads a JSON document of ours.
 *
 * @throws HpbError OBJECT_NOT_FOUND; DOCUMENT_UNREADABLE for what is no JSON, of another layout version, or not of
 * this shape.
 */
export async function readDocument<T>(
  store: Pick<ObjectStore, 'get'>,
  key: string,
  schema: z.ZodType<T>,
): Promise<T> {
  return parseDocument(key, await store.get(key), schema);
}

/**
 * The document that the bytes of an object are.
 *
 * @throws HpbError DOCUMENT_UNREADABLE, see `readDocument`.
 */
export function parseDocument<T>(key: string, body: Uint8Array, schema: z.ZodType<T>): T {
  const document = parseJson(key, body);
  const version = (document as { readonly layoutVersion?: unknown } | null)?.layoutVersion;
  if (version !== LAYOUT_VERSION) {
    throw unreadable(key, `it has layout version ${String(version)}, not ${LAYOUT_VERSION}`);
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw unreadable(key, `its field "${issue.path.join('.')}" is not as it should be (${issue.code})`);
}

/** Like `readDocument`, but null when there is no such object. */
export async function findDocument<T>(
  store: Pick<ObjectStore, 'get'>,
  key: string,
  schema: z.ZodType<T>,
): Promise<T | null> {
  try {
    return await readDocument(store, key, schema);
  } catch (error) {
    if (error instanceof HpbError && error.code === 'OBJECT_NOT_FOUND') return null;
    throw error;
  }
}

/** A document as text, the same bytes for the same document. */
export const documentText = (document: object): string => JSON.stringify(document);

/** Parses the payload of a workflow state; a wrong one is a fault of ours. */
export function parsePayload<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]!.path.join('.');
  throw new HpbError(
    'WORKFLOW_FAILED',
    `A state of the workflow was given a wrong payload (field "${field}").`,
    {
      remedy: 'The workflow and its functions are of different versions: deploy both together.',
    },
  );
}

function parseJson(key: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw unreadable(key, 'it is not JSON', cause);
  }
}

function unreadable(key: string, why: string, cause?: unknown): HpbError {
  return new HpbError('DOCUMENT_UNREADABLE', `The document ${key} cannot be read: ${why}.`, {
    remedy:
      'It was written by another version of the service, or from outside: purge the job and submit it again.',
    details: { key },
    cause,
  });
}
