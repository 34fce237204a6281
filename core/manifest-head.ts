/** Whether an upload that begins so is to be read as a manifest: JSON objects begin with a brace, no CT and no archive does. */
export const isManifestHead = (head: Uint8Array): boolean =>
  /^\s*\{/.test(String.fromCharCode(...head.subarray(0, 64)));
