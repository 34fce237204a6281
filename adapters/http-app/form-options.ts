import { HpbError } from '../../core/errors.ts';
import type { SegmentTarget, SubmitRequest } from '../../core/requests.ts';

/** Options as forms and query parameters carry them: text. */
const KNOWN: ReadonlySet<string> = new Set(['folds', 'fast', 'tta', 'web']);

/** Single tissue models of the old service ran at full resolution unless asked otherwise. */
const FULL_BY_DEFAULT: ReadonlySet<SegmentTarget> = new Set(['liver', 'totalseg']);

/**
 * Options of a form, from its fields and, where a field is missing, from the query: the old server read the query,
 * its client sent fields. Defaults are those of the old routes.
 *
 * @throws HpbError BAD_OPTION
 */
export function formOptions(
  target: SegmentTarget,
  fields: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>>,
): Omit<SubmitRequest, 'uploadId'> {
  const given = { ...query, ...fields };
  const unknown = Object.keys(given).find((name) => !KNOWN.has(name));
  if (unknown !== undefined)
    throw bad(`There is no option "${unknown.slice(0, 64)}".`, `Options are ${[...KNOWN].join(', ')}.`);
  const web = wantsViewerFolder(fields, query);
  if (target === 'batch' && web)
    throw bad('web=1 asks for the folder of one case, and this is an archive.', 'Leave "web" out.');
  return {
    fast: given['fast'] === undefined ? !FULL_BY_DEFAULT.has(target) : flag('fast', given['fast']),
    ...(given['folds'] === undefined ? {} : { folds: folds(given['folds']) }),
    ...(given['tta'] === undefined ? {} : { tta: flag('tta', given['tta']) }),
  };
}

/**
 * Whether `web` asks for the folder of the viewer as a ZIP instead of masks; field before query, as above.
 *
 * @throws HpbError BAD_OPTION
 */
export function wantsViewerFolder(
  fields: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>>,
): boolean {
  const web = fields['web'] ?? query['web'];
  return web !== undefined && flag('web', web);
}

function flag(name: string, text: string): boolean {
  const value = text.trim().toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(value)) return true;
  if (['0', 'false', 'no', 'off'].includes(value)) return false;
  throw bad(`${name}=${JSON.stringify(text.slice(0, 40))} is neither true nor false.`, 'Send true or false.');
}

function folds(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length <= 5 && parts.every((part) => /^[0-4]$/.test(part))) return parts.map(Number);
  throw bad(
    `folds=${JSON.stringify(text.slice(0, 40))} is not a list of folds.`,
    'Send folds from 0 to 4 with commas between them, such as 0,1.',
  );
}

function bad(sentence: string, remedy: string): HpbError {
  return new HpbError('BAD_OPTION', sentence, { remedy });
}
