import { z } from 'zod';
import type { Metadata } from './metadata-schema.ts';
import { metadataSchema } from './metadata-schema.ts';
import { NOT_A_MEDICAL_DEVICE } from './notices.ts';

/** Names of the receipt and its signature in the case package. */
export const RECEIPT_FILE = 'receipt.json';
export const SIGNATURE_FILE = 'receipt.sig.json';

/**
 * Files that may differ between two runs of one CT: they hold clock, device, timings or attempt, or the name of the
 * case as meta.json has it.
 */
const VARYING: ReadonlySet<string> = new Set(['meta.json', 'run.json', 'report.html']);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A file with its size and checksum. */
export const receiptFile = z.object({ name: z.string(), bytes: z.int().min(0), sha256 });
const { provenance } = metadataSchema.shape;

/** receipt.json: the checksum of everything that a result is and came from. */
export const receiptSchema = z.object({
  schemaVersion: z.literal(1),
  notice: z.string(),
  demo: z.boolean(),
  /** SHA-256 over the names and checksums of all files that two runs of one CT have alike. */
  contentSha256: sha256,
  attempt: z.int().min(1),
  /** Of the container; null where the program runs in none. */
  imageDigest: z.string().nullable(),
  input: provenance.shape.input,
  models: provenance.shape.models,
  weights: provenance.shape.weights,
  versions: provenance.shape.versions,
  service: provenance.shape.service,
  /** Every other file of the package but the signature, by name. */
  files: z.array(receiptFile),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** A file of a package: name in it, size, lower-case hex SHA-256. */
export type ReceiptFile = z.infer<typeof receiptFile>;

/** What a receipt is made of. */
export interface ReceiptInput {
  readonly metadata: Metadata;
  readonly attempt: number;
  readonly imageDigest: string | null;
  readonly files: readonly ReceiptFile[];
  /** Lower-case hex SHA-256 of a text. */
  readonly sha256: (text: string) => string;
}

/** Builds receipt.json; independent of the order of `files`. */
export function buildReceipt({ metadata, attempt, imageDigest, files, sha256 }: ReceiptInput): Receipt {
  const { input, models, weights, versions, service } = metadata.provenance;
  return {
    schemaVersion: 1,
    notice: NOT_A_MEDICAL_DEVICE,
    demo: metadata.demo,
    contentSha256: sha256(contentText(files)),
    attempt,
    imageDigest,
    input,
    models,
    weights,
    versions,
    service,
    files: byName(files),
  };
}

/** The text whose SHA-256 is `contentSha256`: a line of checksum and name for each file that runs have alike. */
export function contentText(files: readonly ReceiptFile[]): string {
  return byName(files)
    .filter(({ name }) => !VARYING.has(name))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('');
}

/** In the order of their names, without anything else that is known of them. */
export const byName = (files: readonly ReceiptFile[]): ReceiptFile[] =>
  files
    .map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }))
    .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));

/** Something about a package that is not as its receipt says. */
export interface ReceiptProblem {
  readonly what: 'missing' | 'unexpected' | 'changed' | 'content' | 'provenance' | 'signature' | 'batch';
  /** The file, or the fact, that differs. */
  readonly name: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Compares the files of a package, and its metadata.json, with its receipt; nothing when all is as it says.
 *
 * @param found Every file of the package but receipt and signature.
 */
export function receiptProblems(
  receipt: Receipt,
  found: readonly ReceiptFile[],
  metadata: Metadata | null,
  sha256: (text: string) => string,
): readonly ReceiptProblem[] {
  const content = sha256(contentText(receipt.files));
  const wrongContent =
    content === receipt.contentSha256
      ? []
      : [problem('content', 'contentSha256', [content, receipt.contentSha256])];
  return [...fileProblems(receipt.files, found), ...wrongContent, ...provenanceProblems(receipt, metadata)];
}

/** What is missing, changed or was added. */
export function fileProblems(
  expected: readonly ReceiptFile[],
  found: readonly ReceiptFile[],
): readonly ReceiptProblem[] {
  const there = new Map(found.map((one) => [one.name, one]));
  const named = new Set(expected.map(({ name }) => name));
  const extra = found
    .filter(({ name }) => !named.has(name))
    .map(({ name, sha256 }) => problem('unexpected', name, ['no such file', sha256]));
  return [...expected.flatMap((one) => fileProblem(one, there.get(one.name))), ...extra];
}

function fileProblem(expected: ReceiptFile, found: ReceiptFile | undefined): readonly ReceiptProblem[] {
  if (found === undefined) return [problem('missing', expected.name, [expected.sha256, 'no such file'])];
  if (found.sha256 === expected.sha256) return [];
  return [problem('changed', expected.name, [expected.sha256, found.sha256])];
}

/** Facts that metadata.json says as well. */
const SHARED = ['input', 'models', 'weights', 'versions', 'service'] as const;

function provenanceProblems(receipt: Receipt, metadata: Metadata | null): readonly ReceiptProblem[] {
  if (metadata === null) return [];
  return SHARED.flatMap((fact) => {
    const [says, has] = [JSON.stringify(receipt[fact]), JSON.stringify(metadata.provenance[fact])];
    return says === has ? [] : [problem('provenance', fact, [has, says])];
  });
}

const problem = (
  what: ReceiptProblem['what'],
  name: string,
  [expected, found]: readonly [string, string],
): ReceiptProblem => ({ what, name, expected, found });

/** receipt.sig.json: a signature over the bytes of receipt.json. */
export const receiptSignature = z.object({
  algorithm: z.enum(['Ed25519', 'ECDSA-P256-SHA256']),
  /** SHA-256 of the public key (DER), lower-case hex. */
  keyId: sha256,
  /** PEM. */
  publicKey: z.string(),
  /** Base64; DER for ECDSA. */
  signature: z.string(),
});
export type ReceiptSignature = z.infer<typeof receiptSignature>;
