import { HpbError } from '../core/errors.ts';

/** An error as Step Functions shows it to Retry and Catch: its name is `Error`, its message is `Cause`. */
export class StatesError extends Error {
  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** What a function threw, as AWS Lambda reports it: the name of the error, and a JSON document as cause. */
export function functionError(thrown: unknown): StatesError {
  if (thrown instanceof StatesError) return thrown;
  const errorType = thrown instanceof Error ? thrown.name : 'Error';
  const errorMessage = thrown instanceof Error ? thrown.message : String(thrown);
  return new StatesError(errorType, JSON.stringify({ errorType, errorMessage, trace: [] }));
}

/** What a job's adapter threw, as the integration of Batch names errors of its API: those that may pass are tried again. */
export function jobError(thrown: unknown): StatesError {
  if (thrown instanceof StatesError) return thrown;
  const passing = thrown instanceof HpbError && thrown.code === 'SERVICE_UNREACHABLE';
  return new StatesError(
    passing ? 'Batch.ServerException' : 'Batch.ClientException',
    thrown instanceof Error ? thrown.message : String(thrown),
  );
}
