import { z } from 'zod';
import type { ErrorDocument } from '../errors.ts';
import { JOB_STATES, type CaseCounts } from '../job.ts';
import { isCaseId, isJobId, LAYOUT_VERSION, type CaseId } from '../layout.ts';
import { errorDocument } from '../shard.ts';
import { stableJson } from './stable-json.ts';

const manifestCase = z.object({
  caseId: z.string().refine(isCaseId, 'not a case id'),
  /** The caller's name. */
  name: z.string(),
  outcome: z.enum(['succeeded', 'failed']),
  /** Null when it succeeded. */
  error: errorDocument.nullable(),
  /** Whether demo weights took part; null without a result. */
  demo: z.boolean().nullable(),
  seconds: z.number().nullable(),
  bytes: z.int().min(0),
});

/** How one case of a finished job ended. */
export type ManifestCase = z.infer<typeof manifestCase>;

/** manifest.json: how every case of a finished attempt ended. */
export const jobManifest = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  attempt: z.int().min(1),
  state: z.enum(JOB_STATES),
  error: errorDocument.nullable(),
  /** SHA-256 of the upload; null when it was never read to its end. */
  inputSha256: z.string().nullable(),
  cases: z.array(manifestCase),
});
export type JobManifest = z.infer<typeof jobManifest>;

/** How a job ends by how its cases did. */
export interface JobOutcome {
  readonly state: 'SUCCEEDED' | 'PARTIAL' | 'FAILED';
  readonly counts: CaseCounts;
  readonly error: ErrorDocument | null;
}

/**
 * The outcome of a job. FAILED carries the one code that all cases share, else `NO_CASE_SUCCEEDED`.
 */
export function outcomeOf(cases: readonly ManifestCase[]): JobOutcome {
  const errors = cases.flatMap(({ error }) => error ?? []);
  const counts = { total: cases.length, succeeded: cases.length - errors.length, failed: errors.length };
  if (counts.failed === 0 && counts.total > 0) return { state: 'SUCCEEDED', counts, error: null };
  if (counts.succeeded > 0) return { state: 'PARTIAL', counts, error: null };
  return { state: 'FAILED', counts, error: sharedError(errors) };
}

function sharedError(errors: readonly ErrorDocument[]): ErrorDocument {
  const [first, ...others] = errors;
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined && others.every(({ code }) => code === first.code)) {
    return {
      ...first,
      message: `All ${errors.length} cases failed. The first: ${first.message}`,
      details: {},
    };
  }
  return {
    code: 'NO_CASE_SUCCEEDED',
    message: `None of the ${errors.length} cases succeeded.`,
    remedy: 'The error of each case says what to do.',
    blame: 'caller',
    retryable: false,
    details: { cases: errors.length },
  };
}

/** What the archive of a batch says of a case that succeeded: its meta.json, but for the name. */
export interface BatchManifestInput {
  readonly batchId: string;
  readonly succeeded: readonly { readonly name: string; readonly meta: Readonly<Record<string, unknown>> }[];
  readonly failed: readonly { readonly name: string; readonly error: ErrorDocument }[];
}

/**
 * manifest.json in the ZIP of a batch: `batch_id` and `cases` as the service this project replaces wrote them, then
 * what it lost: the cases that failed.
 */
export function batchManifestText({ batchId, succeeded, failed }: BatchManifestInput): string {
  return stableJson({
    batch_id: batchId,
    cases: succeeded.map(({ name, meta }) => ({ case_id: name, ...meta })),
    failed: failed.map(({ name, error: { code, message, remedy } }) => ({ name, code, message, remedy })),
  });
}

const RESERVED_NAMES = /^(con|prn|aux|nul|com\d|lpt\d|(manifest|receipt)\.json|index\.html|cases\.csv)$/i;
const MAX_FOLDER_NAME = 100;
/** File systems of Linux take 255 bytes, and a number may come behind. */
const MAX_FOLDER_BYTES = 240;

/**
 * Folder names for cases in a ZIP: the caller's names without what a file system, or an unpacker, could take for
 * something else; no two the same, whatever their case.
 */
export function folderNames(
  cases: readonly { readonly caseId: CaseId; readonly name: string }[],
): ReadonlyMap<CaseId, string> {
  const taken = new Set<string>();
  const names = new Map<CaseId, string>();
  for (const { caseId, name } of cases) {
    const plain = plainName(name, caseId);
    let candidate = plain;
    for (let n = 2; taken.has(candidate.toLowerCase()); n += 1) candidate = `${plain}_${n}`;
    taken.add(candidate.toLowerCase());
    names.set(caseId, candidate);
  }
  return names;
}

function plainName(name: string, fallback: string): string {
  const letters = Array.from(name.normalize('NFC').toWellFormed(), (letter) =>
    isRisky(letter) ? '_' : letter,
  ).slice(0, MAX_FOLDER_NAME);
  while (new TextEncoder().encode(letters.join('')).length > MAX_FOLDER_BYTES) letters.pop();
  const plain = letters
    .join('')
    .trim()
    .replace(/^\.+/, '')
    .replace(/[. ]+$/, '')
    .trim();
  if (plain === '') return fallback;
  return RESERVED_NAMES.test(plain) ? `_${plain}` : plain;
}

/** Separators, wildcards, control and format characters, and what Windows keeps for itself. */
const isRisky = (letter: string): boolean =>
  '/\\:*?"<>|\u{fffd}'.includes(letter) || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(letter);
