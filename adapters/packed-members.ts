import { fromBufferPromise } from 'yauzl';
import type { PackedMember } from './zip-members.ts';

/** The members of a ZIP in memory as they are packed there, in the order of its directory; null for anything else. */
export async function packedMembers(archive: Uint8Array): Promise<readonly PackedMember[] | null> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const members: PackedMember[] = [];
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true });
    for await (const entry of zip.eachEntry()) {
      const { fileName, compressionMethod: method, compressedSize, uncompressedSize, crc32 } = entry;
      if (method !== 0 && method !== 8) return null;
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const packed = bytes.subarray(fileDataStart, fileDataStart + compressedSize);
      if (packed.length !== compressedSize) return null;
      members.push({ name: fileName, packed, method, crc32, bytes: uncompressedSize });
    }
  } catch {
    return null;
  }
  return members;
}
