/** Who has to act on an error: the person who sent the input, who runs the service, or nobody but us. */
export type Blame = 'caller' | 'ops' | 'system';

interface ErrorFacts {
  readonly blame: Blame;
  readonly retryable: boolean;
  /** HTTP status of the problem document. */
  readonly status: number;
  /** Exit code of the `hpb` command when this error ends it (per-case errors: see `commandExit`). */
  readonly exit: number;
}

const caller = (status: number, exit = 2): ErrorFacts => ({
  blame: 'caller',
  retryable: false,
  status,
  exit,
});
const ops = (exit: number, status = 503): ErrorFacts => ({ blame: 'ops', retryable: false, status, exit });
const system = (retryable: boolean, exit = 1, status = 500): ErrorFacts => ({
  blame: 'system',
  retryable,
  status,
  exit,
});

/**
 * The closed list of error codes, and what each means at every boundary: HTTP status, exit code of the
 * command, and (the code itself) the ASL error name.
 */
export const ERROR_CODES = {
  // The input is not a file we read
  INPUT_NOT_FOUND: caller(404),
  INPUT_VANISHED: caller(422),
  INPUT_REPLACED: caller(409),
  INPUT_UNREADABLE: caller(422),
  INPUT_IS_FOLDER: caller(415),
  INPUT_IS_DICOM: caller(415),
  INPUT_IS_ARCHIVE: caller(415),
  INPUT_DUPLICATE_NAME: caller(422),
  // NIfTI syntax
  NIFTI_SHORT_HEADER: caller(422),
  NIFTI_NOT_NIFTI: caller(415),
  NIFTI_BAD_MAGIC: caller(422),
  NIFTI_PAIR_FILE: caller(422),
  NIFTI_BAD_DIMS: caller(422),
  NIFTI_NOT_3D: caller(422),
  NIFTI_TOO_LARGE: caller(413),
  NIFTI_BAD_DATATYPE: caller(422),
  NIFTI_BAD_VOX_OFFSET: caller(422),
  NIFTI_BAD_SPACING: caller(422),
  NIFTI_BAD_SCALING: caller(422),
  NIFTI_NO_ORIENTATION: caller(422),
  NIFTI_BAD_AFFINE: caller(422),
  NIFTI_BAD_GZIP: caller(422),
  NIFTI_TRUNCATED: caller(422),
  NIFTI_TRAILING_DATA: caller(422),
  // The CT is readable but not fit to run
  CT_TOO_FEW_SLICES: caller(422),
  CT_TOO_SMALL: caller(422),
  CT_NOT_HOUNSFIELD: caller(422),
  CT_IS_LABEL_MAP: caller(422),
  CT_ALL_AIR: caller(422),
  CT_NOT_FINITE: caller(422),
  CT_AFFINES_DISAGREE: caller(422),
  CT_SHEARED: caller(422),
  CT_EXCEEDS_MEMORY: caller(413),
  // Masks from elsewhere
  MASK_GRID_MISMATCH: caller(422),
  MASK_NOT_LABELS: caller(422),
  // Archives of cases
  ARCHIVE_UNREADABLE: caller(422),
  ARCHIVE_UNSAFE: caller(422),
  ARCHIVE_ENCRYPTED: caller(422),
  ARCHIVE_TOO_LARGE: caller(413),
  ARCHIVE_NO_CASES: caller(422),
  ARCHIVE_TOO_MANY_CASES: caller(422),
  ARCHIVE_MEMBER_CORRUPT: caller(422),
  // Requests
  USAGE: caller(400),
  REQUEST_INVALID: caller(422),
  REQUEST_TOO_LARGE: caller(413),
  REQUEST_TYPE_UNSUPPORTED: caller(415),
  REQUEST_TOO_SLOW: { blame: 'caller', retryable: true, status: 408, exit: 2 },
  ROUTE_NOT_FOUND: caller(404),
  METHOD_NOT_ALLOWED: caller(405),
  HOST_REFUSED: caller(403),
  ACCESS_REFUSED: caller(403),
  URL_REFUSED: caller(403),
  UNKNOWN_MODEL: caller(422),
  BAD_OPTION: caller(422),
  JOB_TOO_EXPENSIVE: caller(422),
  TOO_MANY_JOBS: { blame: 'caller', retryable: true, status: 429, exit: 18 },
  TOO_MANY_REQUESTS: { blame: 'caller', retryable: true, status: 429, exit: 18 },
  IDEMPOTENCY_CONFLICT: caller(409),
  // Uploads and jobs
  UPLOAD_NOT_FOUND: caller(404),
  UPLOAD_INCOMPLETE: caller(409),
  UPLOAD_COMMITTED: caller(409),
  UPLOAD_SIZE_MISMATCH: caller(422),
  UPLOAD_CHECKSUM_MISMATCH: caller(422),
  JOB_NOT_FOUND: caller(404),
  JOB_NOT_FINISHED: caller(409),
  JOB_FINISHED: caller(409),
  JOB_NOTHING_TO_RETRY: caller(409),
  RESULT_NOT_FOUND: caller(404),
  SERVICE_UNREACHABLE: { blame: 'ops', retryable: true, status: 503, exit: 17 },
  SHARD_UNREADABLE: { blame: 'system', retryable: false, status: 500, exit: 2 },
  DOCUMENT_UNREADABLE: system(false),
  // Set-up of this machine
  PYTHON_MISSING: ops(10),
  PYTHON_WRONG_VERSION: ops(10),
  PYTHON_NO_VENV: ops(10),
  DISK_FULL: ops(11, 507),
  NETWORK_UNREACHABLE: { blame: 'ops', retryable: true, status: 503, exit: 12 },
  ENGINES_INSTALL_FAILED: ops(13),
  ENGINES_NOT_INSTALLED: ops(13),
  OUTPUT_UNWRITABLE: ops(14),
  DATA_ROOT_LOCKED: ops(15),
  SETTINGS_INVALID: ops(16),
  // Weights
  WEIGHTS_MISSING: ops(20),
  WEIGHTS_CORRUPT: ops(21),
  WEIGHTS_DOWNLOAD_FAILED: { blame: 'ops', retryable: true, status: 503, exit: 22 },
  WEIGHTS_ARCHIVE_INVALID: ops(23),
  LICENCE_NOT_ACCEPTED: ops(24),
  // Engines
  DEVICE_UNAVAILABLE: ops(30),
  DEVICE_FAULT: { blame: 'system', retryable: true, status: 500, exit: 31 },
  OUT_OF_MEMORY: { blame: 'ops', retryable: true, status: 507, exit: 32 },
  GPU_OUT_OF_MEMORY: { blame: 'ops', retryable: true, status: 507, exit: 32 },
  ENGINE_START_FAILED: ops(33),
  ENGINE_DIED: system(true, 34),
  ENGINE_TIMEOUT: system(true, 35, 504),
  ENGINE_FAILED: system(false, 36),
  ENGINE_PROTOCOL: system(false, 36),
  ENGINE_OUTPUT_MISSING: system(false, 36),
  ENGINE_OUTPUT_MISMATCH: system(false, 36),
  PREPROCESSING_FAILED: system(false, 36),
  // Result packages
  RESULT_UNREADABLE: caller(422),
  RESULT_ALTERED: caller(422, 5),
  SIGNATURE_INVALID: caller(422, 5),
  SIGNING_FAILED: ops(25),
  // The run as a whole
  CANCELLED: { blame: 'caller', retryable: true, status: 409, exit: 130 },
  INTERRUPTED: system(true, 75, 503),
  UNCLEAN_EXIT: system(true, 1),
  NO_CASE_SUCCEEDED: { blame: 'caller', retryable: false, status: 422, exit: 4 },
  JOB_TIMEOUT: system(true, 35, 504),
  SHARD_FAILED: system(true, 1),
  WORKFLOW_FAILED: system(true, 1),
  // The store
  OBJECT_NOT_FOUND: system(false, 1, 404),
  OBJECT_EXISTS: system(false, 1, 409),
  OBJECT_CHANGED: system(true, 1, 409),
  OBJECT_CHECKSUM_MISMATCH: system(false, 1, 422),
  RANGE_NOT_SATISFIABLE: caller(416),
  STORE_UNAVAILABLE: { blame: 'system', retryable: true, status: 503, exit: 1 },
  STORE_REFUSED: ops(19),
  UNEXPECTED: system(false, 1),
} as const satisfies Record<string, ErrorFacts>;

/** A code of the closed list; also the error name in Step Functions and in alarms. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Values that explain an error to its reader; never patient data, signed URLs or tokens. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly number[]>>;

/** What an error looks like in documents (result.json, problem+json, JSON lines). */
export interface ErrorDocument {
  readonly code: ErrorCode;
  /** What is wrong, with the value received. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly remedy: string;
  readonly blame: Blame;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

interface HpbErrorOptions {
  readonly remedy: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The only error this project throws on purpose: a code, a sentence with the value received, and what to do. */
export class HpbError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: HpbErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    // Step Functions Retry and Catch match on the name.
    this.name = code;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
  }

  get blame(): Blame {
    return ERROR_CODES[this.code].blame;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  /** The error as it stands in documents; the cause stays behind. */
  toDocument(): ErrorDocument {
    const { code, message, remedy, blame, retryable, details } = this;
    return { code, message, remedy, blame, retryable, details };
  }
}

/** Whether `value` is an error code of the closed list. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

/** Any thrown value as an `HpbError`; what we did not foresee becomes `UNEXPECTED` with the original as cause. */
export function asHpbError(thrown: unknown): HpbError {
  if (thrown instanceof HpbError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new HpbError('UNEXPECTED', `Something we did not foresee went wrong: ${reason}`, {
    remedy:
      'Run again with HPB_LOG_LEVEL=debug and report the output together with the versions of `hpb doctor`.',
    cause: thrown,
  });
}

/** Whether what went wrong is that there is no room to write. */
export const isDiskFull = (thrown: unknown): thrown is HpbError =>
  thrown instanceof HpbError && thrown.code === 'DISK_FULL';

/** Exit codes of the worker process (container/main.ts), read by AWS Batch's evaluateOnExit. */
export const WORKER_EXIT = {
  done: 0,
  unexpected: 1,
  shardUnreadable: 2,
  interrupted: 75,
  deviceFault: 76,
} as const;

/** Exit codes of the `hpb` command that do not belong to one error code. */
export const COMMAND_EXIT = {
  ok: 0,
  unexpected: 1,
  /** `hpb doctor` found something without which the engines cannot run. */
  doctorFails: 1,
  /** `hpb canary` found something that is not as expected. */
  canaryFails: 1,
  usage: 2,
  someFailed: 3,
  allFailed: 4,
  cancelled: 130,
} as const;

/**
 * Exit code of a command that worked on several cases: 0 all ok, 130 when one was cancelled, 3 some failed, 4 all
 * failed. When all failed with codes of one and the same exit code, whatever the stage, it is that one (unless it is
 * 1, which would hide that there were cases).
 */
export function commandExit(outcomes: readonly (ErrorCode | 'ok')[]): number {
  const failures = outcomes.filter((outcome) => outcome !== 'ok');
  if (failures.length === 0) return COMMAND_EXIT.ok;
  if (failures.includes('CANCELLED')) return COMMAND_EXIT.cancelled;
  if (failures.length < outcomes.length) return COMMAND_EXIT.someFailed;
  const exits = new Set(failures.map((code) => ERROR_CODES[code].exit));
  const [only] = exits;
  return exits.size === 1 && only !== undefined && only !== 1 ? only : COMMAND_EXIT.allFailed;
}
