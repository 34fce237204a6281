import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CasePicture } from '../../adapters/case-pictures.ts';
import type { Compute } from '../../adapters/compute-pool.ts';
import { writeZip, zipBytes } from '../../adapters/zip-archive.ts';
import { zipOrder } from '../../adapters/zip-members.ts';
import { bothSettled } from '../../core/both-settled.ts';
import type { Signer } from '../../core/signer-port.ts';
import type { Metadata } from '../../core/results/metadata-schema.ts';
import { pictureFile } from '../../core/results/pictures/pictures.ts';
import { buildReceipt, RECEIPT_FILE, SIGNATURE_FILE, type ReceiptFile } from '../../core/results/receipt.ts';
import { reportPage } from '../../core/results/report/report-page.ts';
import { stableJson } from '../../core/results/stable-json.ts';
import type { Volume } from '../../core/volume/volume.ts';
import type { MeshedCase } from './mesh.ts';
import { written, type PackagedFile } from './written.ts';

/** Everything that is published. */
export interface PackagedCase {
  readonly files: readonly PackagedFile[];
  readonly zip: PackagedFile;
}

/** What a package is made with. */
export interface PackageTools {
  /** Folder that the files are written below. */
  readonly out: string;
  readonly compute: Compute;
  readonly signer: Signer | null;
  readonly cancel: AbortSignal;
}

/** What a package is made of. */
export interface PackageContent {
  /** The case as its owner knows it. */
  readonly name: string;
  readonly ct: Volume;
  readonly meshed: MeshedCase;
  /** The viewer's volume, which may still be on its way. */
  readonly volume: Promise<PackagedFile>;
  readonly metadata: Metadata;
  /** meta.json, run.json: by name. */
  readonly documents: Readonly<Record<string, object>>;
  readonly attempt: number;
  readonly imageDigest: string | null;
}

/**
 * Completes a measured and meshed case: documents, pictures, report, receipt with signature, and the ZIP of all.
 *
 * @throws HpbError DISK_FULL, OUTPUT_UNWRITABLE, SIGNING_FAILED, CANCELLED.
 */
export async function packageFiles(tools: PackageTools, content: PackageContent): Promise<PackagedCase> {
  const rest = besideTheVolume(tools, content);
  const [others, zip] = await bothSettled(rest, packed(tools, content.volume, rest));
  const files = [...others, await content.volume];
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files, zip };
}

/** In memory when the volume is: it is nearly all there is. */
async function packed(
  { out }: PackageTools,
  volume: Promise<PackagedFile>,
  rest: Promise<readonly PackagedFile[]>,
): Promise<PackagedFile> {
  const name = 'results.zip';
  const members = volumeFirst(volume, rest);
  if ('content' in (await volume)) return written(out, name, await zipBytes(members));
  const path = join(out, name);
  return { name, path, ...(await writeZip(path, members)) };
}

/** The volume, nearly all there is to pack, goes into the ZIP while pictures are drawn. */
async function* volumeFirst(
  volume: Promise<PackagedFile>,
  rest: Promise<readonly PackagedFile[]>,
): AsyncGenerator<PackagedFile> {
  yield await volume;
  yield* zipOrder(await rest);
}

/** All files but the viewer's volume. */
async function besideTheVolume(
  tools: PackageTools,
  content: PackageContent,
): Promise<readonly PackagedFile[]> {
  const { out } = tools;
  const { name, meshed, metadata, documents } = content;
  const write = (file: string, bytes: string | Uint8Array): Promise<PackagedFile> =>
    written(out, file, bytes);
  const pictures = await drawn(tools, content);
  const shown = pictures.map(({ png, ...picture }) => ({
    ...picture,
    base64: Buffer.from(png).toString('base64'),
  }));
  const members = [
    ...meshed.files,
    ...(await Promise.all([
      ...Object.entries({ ...documents, 'metadata.json': metadata }).map(([file, document]) =>
        write(file, stableJson(document)),
      ),
      ...pictures.map(({ name, png }) => write(pictureFile(name), png)),
      write('report.html', reportPage({ name, metadata, pictures: shown })),
    ])),
  ];
  return [...members, ...(await receipted(tools, content, [...members, await content.volume]))];
}

/** The pictures, drawn in a worker thread. */
function drawn(
  { compute, cancel }: PackageTools,
  { ct, meshed, metadata }: PackageContent,
): Promise<readonly CasePicture[]> {
  const { structures, hpb, demo } = metadata;
  const meshes = meshed.meshes.map(({ name, label, mesh }) => ({ name, label, mesh }));
  const { grid, data, slope, intercept } = ct;
  const input = {
    ct: { grid, data, slope, intercept },
    masks: meshed.masks,
    meshes,
    metadata: { structures, hpb, demo },
  };
  return compute.run('casePictures', input, cancel);
}

async function receipted(
  { out, signer }: PackageTools,
  { metadata, attempt, imageDigest }: PackageContent,
  files: readonly PackagedFile[],
): Promise<readonly PackagedFile[]> {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const text = stableJson(
    buildReceipt({ metadata, attempt, imageDigest, files: files.map(receiptFile), sha256 }),
  );
  const texts = [{ name: RECEIPT_FILE, text }];
  if (signer !== null) {
    const signature = await signer.sign(Buffer.from(text));
    texts.push({ name: SIGNATURE_FILE, text: stableJson(signature) });
  }
  return Promise.all(texts.map((one) => written(out, one.name, one.text)));
}

const receiptFile = ({ name, bytes, sha256 }: PackagedFile): ReceiptFile => ({ name, bytes, sha256 });
