import type { EngineReply } from '../core/engine-protocol.ts';
import { HpbError, isErrorCode, type ErrorCode } from '../core/errors.ts';
import type { HostExit } from './host-process.ts';

type HostError = Extract<EngineReply, { event: 'error' }>;

const DEFAULT_REMEDY =
  'Run again with HPB_LOG_LEVEL=debug, which logs what the engine prints, and see `hpb doctor`.';

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  DEVICE_UNAVAILABLE:
    'See `hpb doctor` for the devices that torch can use, or choose another with --device or HPB_DEVICE.',
  DEVICE_FAULT: 'Run again; if it stays, look at the driver log (`dmesg`, `nvidia-smi`) or use another GPU.',
  GPU_OUT_OF_MEMORY: 'Use --device cpu, the fast variant, or a GPU with more memory.',
  OUT_OF_MEMORY: 'Crop the CT to the abdomen, choose the fast variant, or use a machine with more memory.',
  WEIGHTS_MISSING: 'See `hpb models list` for where weights are looked for and how to get them.',
  WEIGHTS_CORRUPT: 'Check the weights with `hpb models verify` and fetch them again.',
  DISK_FULL: 'Free some space (`hpb doctor` shows how much is needed) and start again.',
  CANCELLED: 'Start again if this was not meant.',
};

/** What can be done about an engine failure with this code. */
export const engineRemedy = (code: ErrorCode): string => REMEDIES[code] ?? DEFAULT_REMEDY;

/** An `error` line of the host; a code that is not in our list becomes `ENGINE_PROTOCOL`. */
export function hostError({ code, message, details }: HostError): HpbError {
  if (isErrorCode(code)) return new HpbError(code, message, { remedy: engineRemedy(code), details });
  return new HpbError('ENGINE_PROTOCOL', `The engine reported an error that we do not know (${code}).`, {
    remedy: DEFAULT_REMEDY,
    details: { ...details, hostCode: code, hostMessage: message },
  });
}

/** The engine sent what the protocol does not have. */
export function protocolError(reason: string, line: string): HpbError {
  return new HpbError('ENGINE_PROTOCOL', `The engine sent a line that we cannot take: ${reason}.`, {
    remedy:
      'The engine host and this program do not belong together: reinstall, and run the set-up (`hpb setup`).',
    details: { line: line.slice(0, 200) },
  });
}

/** A request was cancelled by the caller's signal. */
export function cancelledError(): HpbError {
  return new HpbError('CANCELLED', 'The engine run was cancelled.', { remedy: engineRemedy('CANCELLED') });
}

/** A request took longer than it may. */
export function timeoutError(seconds: number): HpbError {
  return new HpbError('ENGINE_TIMEOUT', `The engine did not finish within ${seconds} s.`, {
    remedy: 'Allow more time (--timeout, HPB_MODEL_TIMEOUT_SECONDS), use the fast variant, or a GPU.',
    details: { timeoutSeconds: seconds },
  });
}

/** Paths down to their last part: details go to callers, who need not know where things lie on this machine. */
const withoutFolders = (text: string): string =>
  text.replaceAll(/(?<![\w.])(?:~|[A-Za-z]:)?[\\/](?:[^\s"'`:;,()<>|\\/]+[\\/])+/g, '…/');

/** What the end of a host means that nobody asked for. */
export function exitError(
  exit: HostExit,
  facts: { readonly ready: boolean; readonly oom: boolean },
): HpbError {
  const { code, signal, startError, stderrTail } = exit;
  const details = { exitCode: code, signal, stderr: withoutFolders(stderrTail.join('\n')) };
  if (startError === 'ENOENT')
    return new HpbError('ENGINES_NOT_INSTALLED', 'The engine environment is not installed.', {
      remedy: 'Install it with `npm start -- --once` in the checkout, or with `hpb setup`.',
    });
  if (startError !== null)
    return new HpbError('ENGINE_START_FAILED', `The engine cannot be started (${startError}).`, {
      remedy: 'Check that the Python of the engine environment can be run (`hpb doctor`).',
      details: { errno: startError },
    });
  if (facts.oom)
    return new HpbError('OUT_OF_MEMORY', 'The system killed the engine because memory ran out.', {
      remedy: engineRemedy('OUT_OF_MEMORY'),
      details,
    });
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  if (!facts.ready)
    return new HpbError('ENGINE_START_FAILED', `The engine ended before it was ready (${how}).`, {
      remedy: 'See `hpb doctor`; `hpb setup` repairs the engine environment.',
      details,
    });
  return new HpbError('ENGINE_DIED', `The engine ended in the middle of its work (${how}).`, {
    remedy: 'Run again; if it dies again, see the last lines of its output in the details.',
    details,
  });
}
