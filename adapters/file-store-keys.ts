import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PRIVATE_MODE } from './make-folder.ts';
import { objectNotFound } from './store-errors.ts';

/** Who may read the folder of a store. */
export interface StoreAccess {
  /** Whether other users of the machine may, as far as its umask lets them. Default: false. */
  readonly shared?: boolean;
}

/**
 * Where things lie in the folder of a `FileObjectStore`: objects under their keys, and beside them, under names that
 * no key can have since none starts with a dot, what is being written, locks, and uploads in parts.
 */
export class FileStoreKeys {
  readonly root: string;
  /** Writes in progress, inside the root so that the last step is a rename. */
  readonly partial: string;
  readonly locks: string;
  /** Uploads in parts, a folder each. */
  readonly multipart: string;

  /** Of new folders: the machine's usual one where others are to read, else nobody else may even look inside. */
  readonly mode: number;

  constructor(root: string, { shared = false }: StoreAccess = {}) {
    this.root = root;
    this.mode = shared ? 0o777 : PRIVATE_MODE;
    this.partial = join(root, '.partial');
    this.locks = join(root, '.locks');
    this.multipart = join(root, '.multipart');
  }

  /**
   * The file of a key.
   *
   * @throws HpbError OBJECT_NOT_FOUND for a key that could name something outside the root.
   */
  pathOf(key: string): string {
    if (!isKey(key)) throw objectNotFound(key);
    return join(this.root, ...key.split('/'));
  }

  /** The lock of a key between processes. */
  lockOf(key: string): string {
    return join(this.locks, createHash('sha256').update(key).digest('hex').slice(0, 32));
  }
}

/** Whether a key has segments that mean the same on every file system: no dots in front, no separators, no controls. */
export function isKey(key: string): boolean {
  return (
    key.length <= 1024 &&
    key.split('/').every((segment) => /^[A-Za-z0-9_][\w .@+=,()-]{0,254}$/.test(segment))
  );
}
