/** What a ZIP says of a member. */
export interface ZipEntry {
  readonly name: string;
  /** How it is packed: stored (0) or deflated (8). */
  readonly method: 0 | 8;
  readonly crc32: number;
  readonly bytes: number;
  readonly packedBytes: number;
}

/** A member that lies in an archive. */
export interface PlacedEntry extends ZipEntry {
  /** Of its header in the archive. */
  readonly offset: number;
  /** Whether size and sum stand behind its content. */
  readonly described: boolean;
}

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_64_BYTES = 20;

/** Names are UTF-8; sum and sizes stand behind the content. */
const [UTF8, DESCRIBED] = [0x0800, 0x0008];
/** What reading it takes: folders and deflate, sizes of 64 bits. */
const [PLAIN, LONG] = [20, 45];
/** Made on a system whose modes are Unix's. */
const UNIX = 3 << 8;
const MODE = 0o100644;
/** 1 January 1980: the same in every time zone. */
const DATE = (1 << 5) | 1;
/** Stands for a number that is in the field of 64 bits instead. */
const [NONE_32, NONE_16] = [0xffffffff, 0xffff];
/** What could come out of deflate, which may be a little more than went in. */
const LONG_FROM = 0xff000000;

/** Whether the sizes of a member need 64 bits. */
const isLong = (bytes: number): boolean => bytes >= LONG_FROM;

/** The header in front of a member whose sum and sizes are known. */
export function localHeader(entry: ZipEntry): Buffer {
  return header(entry, false);
}

/** The header in front of a member of so many bytes, whose sum and packed size come behind it. */
export function openHeader(entry: Pick<ZipEntry, 'name' | 'method' | 'bytes'>): Buffer {
  return header({ ...entry, crc32: 0, packedBytes: 0 }, true);
}

function header({ name, method, crc32, bytes, packedBytes }: ZipEntry, described: boolean): Buffer {
  const text = Buffer.from(name);
  const long = isLong(bytes);
  const out = Buffer.alloc(LOCAL_BYTES + text.length + (long ? 20 : 0));
  out.writeUInt32LE(LOCAL, 0);
  out.writeUInt16LE(long ? LONG : PLAIN, 4);
  out.writeUInt16LE(described ? UTF8 | DESCRIBED : UTF8, 6);
  out.writeUInt16LE(method, 8);
  out.writeUInt16LE(DATE, 12);
  out.writeUInt32LE(crc32, 14);
  out.writeUInt32LE(long ? NONE_32 : packedBytes, 18);
  out.writeUInt32LE(long ? NONE_32 : described ? 0 : bytes, 22);
  out.writeUInt16LE(text.length, 26);
  out.writeUInt16LE(long ? 20 : 0, 28);
  text.copy(out, LOCAL_BYTES);
  if (long) writeLong(out, LOCAL_BYTES + text.length, described ? [0, 0] : [bytes, packedBytes]);
  return out;
}

/** Sum and sizes behind a member that began with `openHeader`. */
export function descriptor({ crc32, bytes, packedBytes }: ZipEntry): Buffer {
  const long = isLong(bytes);
  const out = Buffer.alloc(long ? 24 : 16);
  out.writeUInt32LE(DESCRIPTOR, 0);
  out.writeUInt32LE(crc32, 4);
  if (long) {
    out.writeBigUInt64LE(BigInt(packedBytes), 8);
    out.writeBigUInt64LE(BigInt(bytes), 16);
  } else {
    out.writeUInt32LE(packedBytes, 8);
    out.writeUInt32LE(bytes, 12);
  }
  return out;
}

/** A member's record in the directory at the end of an archive. */
export function centralRecord(entry: PlacedEntry): Buffer {
  const { name, method, crc32, bytes, packedBytes, offset, described } = entry;
  const text = Buffer.from(name);
  const long = isLong(bytes) || offset >= NONE_32;
  const out = Buffer.alloc(CENTRAL_BYTES + text.length + (long ? 28 : 0));
  out.writeUInt32LE(CENTRAL, 0);
  out.writeUInt16LE(UNIX | (long ? LONG : PLAIN), 4);
  out.writeUInt16LE(long ? LONG : PLAIN, 6);
  out.writeUInt16LE(described ? UTF8 | DESCRIBED : UTF8, 8);
  out.writeUInt16LE(method, 10);
  out.writeUInt16LE(DATE, 14);
  out.writeUInt32LE(crc32, 16);
  out.writeUInt32LE(long ? NONE_32 : packedBytes, 20);
  out.writeUInt32LE(long ? NONE_32 : bytes, 24);
  out.writeUInt16LE(text.length, 28);
  out.writeUInt16LE(long ? 28 : 0, 30);
  out.writeUInt32LE((MODE << 16) >>> 0, 38);
  out.writeUInt32LE(long ? NONE_32 : offset, 42);
  text.copy(out, CENTRAL_BYTES);
  if (long) writeLong(out, CENTRAL_BYTES + text.length, [bytes, packedBytes, offset]);
  return out;
}

/** The field of numbers of 64 bits. */
function writeLong(out: Buffer, at: number, numbers: readonly number[]): void {
  out.writeUInt16LE(1, at);
  out.writeUInt16LE(8 * numbers.length, at + 2);
  for (const [n, number] of numbers.entries()) out.writeBigUInt64LE(BigInt(number), at + 4 + 8 * n);
}

/** Where the directory of an archive lies, and how much it lists. */
interface Directory {
  readonly entries: number;
  readonly offset: number;
  readonly bytes: number;
}

/** What ends an archive. */
export function archiveEnd({ entries, offset, bytes }: Directory): Buffer {
  const long = entries >= NONE_16 || offset >= NONE_32 || bytes >= NONE_32;
  const out = Buffer.alloc((long ? END_64_BYTES + LOCATOR_64_BYTES : 0) + END_BYTES);
  if (long) {
    out.writeUInt32LE(END_64, 0);
    out.writeBigUInt64LE(BigInt(END_64_BYTES - 12), 4);
    out.writeUInt16LE(UNIX | LONG, 12);
    out.writeUInt16LE(LONG, 14);
    out.writeBigUInt64LE(BigInt(entries), 24);
    out.writeBigUInt64LE(BigInt(entries), 32);
    out.writeBigUInt64LE(BigInt(bytes), 40);
    out.writeBigUInt64LE(BigInt(offset), 48);
    out.writeUInt32LE(LOCATOR_64, END_64_BYTES);
    out.writeBigUInt64LE(BigInt(offset + bytes), END_64_BYTES + 8);
    out.writeUInt32LE(1, END_64_BYTES + 16);
  }
  const at = out.length - END_BYTES;
  out.writeUInt32LE(END, at);
  out.writeUInt16LE(Math.min(NONE_16, entries), at + 8);
  out.writeUInt16LE(Math.min(NONE_16, entries), at + 10);
  out.writeUInt32LE(Math.min(NONE_32, bytes), at + 12);
  out.writeUInt32LE(Math.min(NONE_32, offset), at + 16);
  return out;
}

/** A member with its content as it lies in an archive. */
export interface PackedMember extends ZipEntry {
  readonly packed: Uint8Array;
}

/** The members of a small archive of ours, in the order of its directory; null for anything else. */
export function membersOfZip(archive: Uint8Array): readonly PackedMember[] | null {
  const zip = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = zip.length - END_BYTES;
  if (end < 0 || zip.readUInt32LE(end) !== END) return null;
  const entries = zip.readUInt16LE(end + 10);
  const members: PackedMember[] = [];
  let at = zip.readUInt32LE(end + 16);
  if (at + zip.readUInt32LE(end + 12) !== end) return null;
  try {
    while (members.length < entries) {
      const member = memberAt(zip, at);
      if (member === null) return null;
      members.push(member);
      at += CENTRAL_BYTES + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
  } catch (error) {
    // Something points behind the end.
    if (error instanceof RangeError) return null;
    throw error;
  }
  return at === end ? members : null;
}

function memberAt(zip: Buffer, at: number): PackedMember | null {
  const method = zip.readUInt16LE(at + 10);
  const packedBytes = zip.readUInt32LE(at + 20);
  const offset = zip.readUInt32LE(at + 42);
  if (zip.readUInt32LE(at) !== CENTRAL || (method !== 0 && method !== 8)) return null;
  if (zip.readUInt32LE(offset) !== LOCAL) return null;
  const start = offset + LOCAL_BYTES + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
  if (start + packedBytes > at) return null;
  return {
    name: zip.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + zip.readUInt16LE(at + 28)),
    method,
    crc32: zip.readUInt32LE(at + 16),
    bytes: zip.readUInt32LE(at + 24),
    packedBytes,
    packed: zip.subarray(start, start + packedBytes),
  };
}
