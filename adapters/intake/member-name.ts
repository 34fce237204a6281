const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A name as text: UTF-8 when its bytes are that, whatever the archive says; else by the older encoding. */
export function memberName(bytes: Buffer, older: (bytes: Buffer) => string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return older(bytes);
  }
}
