import { createHash } from 'node:crypto';
import { z } from 'zod';
import { signatureFits } from '../adapters/key-signer.ts';
import {
  casesOf,
  openResultPackage,
  type PackagedCaseFiles,
  type ResultPackage,
} from '../adapters/result-package.ts';
import { HpbError } from '../core/errors.ts';
import { batchProblems, batchReceiptSchema } from '../core/results/batch-receipt.ts';
import { metadataSchema } from '../core/results/metadata-schema.ts';
import {
  RECEIPT_FILE,
  receiptProblems,
  receiptSchema,
  receiptSignature,
  SIGNATURE_FILE,
  type Receipt,
  type ReceiptProblem,
} from '../core/results/receipt.ts';

/** Name in the ZIP of a batch. */
const BATCH_MANIFEST = 'manifest.json';
const batchManifest = z.object({ cases: z.array(z.unknown()) });

/** What is known of the signature of a receipt. */
export interface SignatureFacts {
  readonly fits: boolean;
  readonly algorithm: string;
  /** SHA-256 of the public key. */
  readonly keyId: string;
  /** Whether it was checked against a key that the reader gave. */
  readonly trusted: boolean;
}

/** What came out of the check of a case. */
export interface VerifiedCase {
  /** Folder of the case in a batch; null for the result of a single case. */
  readonly case: string | null;
  readonly ok: boolean;
  readonly files: number;
  readonly contentSha256: string;
  /** Null when the receipt is not signed. */
  readonly signature: SignatureFacts | null;
  readonly problems: readonly ReceiptProblem[];
}

/** What a batch holds beside its cases. */
export interface VerifiedBatch {
  readonly ok: boolean;
  /** Files that the receipt of the batch is about; null where it has none. */
  readonly files: number | null;
  /** Files that belong to no case, where no receipt vouches for them. */
  readonly withoutReceipt: readonly string[];
  readonly problems: readonly ReceiptProblem[];
}

/** What came out of the check of a result. */
export interface VerifiedResult {
  readonly cases: readonly VerifiedCase[];
  /** Null for the result of a single case. */
  readonly batch: VerifiedBatch | null;
}

/** How to check. */
export interface VerifyOptions {
  /** Public key, PEM, that receipts must be signed with; null asks for none. */
  readonly key: string | null;
  /** SHA-256 of the CT that the result must be of; null asks for none. */
  readonly inputSha256: string | null;
}

/**
 * Checks every case of a result ZIP or folder against its receipt, and whether all cases are there that the manifest of
 * a batch names.
 *
 * @throws HpbError INPUT_*, RESULT_UNREADABLE when there is no receipt to check against, SIGNATURE_INVALID for a key
 * that is none.
 */
export async function verifyResult(path: string, options: VerifyOptions): Promise<VerifiedResult> {
  const files = await openResultPackage(path);
  try {
    const packaged = casesOf(files);
    const cases: VerifiedCase[] = [];
    for (const one of packaged) cases.push(await verifyCase(files, one, options));
    return { cases, batch: await verifyBatch(files, packaged) };
  } finally {
    files.close();
  }
}

async function verifyBatch(
  files: ResultPackage,
  cases: readonly PackagedCaseFiles[],
): Promise<VerifiedBatch | null> {
  if (cases.some(({ folder }) => folder === '')) return null;
  const ofNoCase = files.names.filter((name) => !cases.some(({ folder }) => name.startsWith(folder)));
  const counted = ofNoCase.includes(BATCH_MANIFEST)
    ? casesProblems(parsed(await files.read(BATCH_MANIFEST), batchManifest), cases.length)
    : [];
  if (!ofNoCase.includes(RECEIPT_FILE)) {
    return { ok: counted.length === 0, files: null, withoutReceipt: ofNoCase, problems: counted };
  }
  const receipt = parsed(await files.read(RECEIPT_FILE), batchReceiptSchema);
  if (receipt === null) throw noReceipt('');
  const own = ofNoCase.filter((name) => name !== RECEIPT_FILE);
  const found = [];
  for (const name of [...own, ...cases.map(({ folder }) => folder + RECEIPT_FILE)]) {
    found.push(await files.hash(name));
  }
  const problems = [...batchProblems(receipt, found), ...counted];
  return { ok: problems.length === 0, files: receipt.files.length, withoutReceipt: [], problems };
}

function casesProblems(
  manifest: z.infer<typeof batchManifest> | null,
  found: number,
): readonly ReceiptProblem[] {
  const named = manifest?.cases.length ?? null;
  if (named === found) return [];
  const expected = named === null ? 'a list of cases' : String(named);
  return [{ what: 'batch', name: `cases in ${BATCH_MANIFEST}`, expected, found: String(found) }];
}

async function verifyCase(
  files: ResultPackage,
  { folder, names }: PackagedCaseFiles,
  options: VerifyOptions,
): Promise<VerifiedCase> {
  if (!names.includes(RECEIPT_FILE)) throw noReceipt(folder);
  const bytes = await files.read(folder + RECEIPT_FILE);
  const receipt = parsed(bytes, receiptSchema);
  if (receipt === null) throw noReceipt(folder);
  const found = [];
  for (const name of names) {
    if (name === RECEIPT_FILE || name === SIGNATURE_FILE) continue;
    found.push({ ...(await files.hash(folder + name)), name });
  }
  const metadata = parsed(await files.read(`${folder}metadata.json`), metadataSchema);
  const signature = names.includes(SIGNATURE_FILE)
    ? signatureFacts(bytes, await files.read(folder + SIGNATURE_FILE), options.key)
    : null;
  const problems = [
    ...receiptProblems(receipt, found, metadata, sha256),
    ...signatureProblems(signature, options),
    ...inputProblems(receipt, options),
  ];
  return {
    case: folder === '' ? null : folder.slice(0, -1),
    ok: problems.length === 0,
    files: receipt.files.length,
    contentSha256: receipt.contentSha256,
    signature,
    problems,
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function signatureFacts(receipt: Buffer, bytes: Buffer, key: string | null): SignatureFacts {
  const signature = parsed(bytes, receiptSignature);
  const trusted = key !== null;
  if (signature === null) return { fits: false, algorithm: 'unknown', keyId: 'unknown', trusted };
  const { algorithm, keyId } = signature;
  return { fits: signatureFits(receipt, signature, key), algorithm, keyId, trusted };
}

function signatureProblems(
  signature: SignatureFacts | null,
  { key }: VerifyOptions,
): readonly ReceiptProblem[] {
  const name = 'signature';
  if (signature === null)
    return key === null ? [] : [{ what: 'signature', name, expected: 'one by the key given', found: 'none' }];
  if (signature.fits) return [];
  const expected = signature.trusted ? 'one by the key given' : 'one that fits the receipt';
  return [{ what: 'signature', name, expected, found: `one by key ${signature.keyId} that does not fit` }];
}

function inputProblems({ input }: Receipt, { inputSha256 }: VerifyOptions): readonly ReceiptProblem[] {
  if (inputSha256 === null || inputSha256 === input.sha256) return [];
  return [{ what: 'provenance', name: 'input', expected: inputSha256, found: input.sha256 }];
}

function parsed<T>(bytes: Buffer, schema: z.ZodType<T>): T | null {
  try {
    return schema.safeParse(JSON.parse(bytes.toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

function noReceipt(folder: string): HpbError {
  const where = folder === '' ? 'The result' : `The case ${folder.slice(0, -1)}`;
  return new HpbError('RESULT_UNREADABLE', `${where} has no receipt.json that can be read.`, {
    remedy: 'Results of version 0.1 and older have none; else make or fetch the result again.',
  });
}
