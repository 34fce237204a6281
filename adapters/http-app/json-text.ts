import { HpbError } from '../../core/errors.ts';

/** Objects and lists inside each other, at most: what reads the value after us may do so by recursion. */
const MAX_DEPTH = 64;

/**
 * Parses JSON that says one thing only: a name that comes twice in an object is refused, since two readers may take
 * different values of it. What is nested without end is refused as well.
 *
 * @throws HpbError REQUEST_INVALID
 */
export function parseJsonText(text: string): unknown {
  const value = parse(text);
  const twice = duplicateName(text);
  if (twice === null) return value;
  throw new HpbError(
    'REQUEST_INVALID',
    `The body has the field ${JSON.stringify(twice.slice(0, 64))} twice in one object.`,
    { remedy: 'Send each field once.' },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HpbError(
      'REQUEST_INVALID',
      text.trim() === '' ? 'The body is empty.' : `The body (${text.length} characters) is not JSON.`,
      { remedy: 'Send a JSON object as /openapi.json describes it.' },
    );
  }
}

/** The first name that an object of this valid JSON text has twice; null when there is none. */
function duplicateName(text: string): string | null {
  const open: (Set<string> | null)[] = [];
  for (const [token, name] of text.matchAll(
    /("[^"\\]*(?:\\.[^"\\]*)*")\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]/g,
  )) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    if (open.length > MAX_DEPTH) throw tooDeep();
    if (token === '}' || token === ']') open.pop();
    else if (name !== undefined) {
      const names = open.at(-1);
      const unquoted = JSON.parse(name) as string;
      if (names?.has(unquoted)) return unquoted;
      names?.add(unquoted);
    }
  }
  return null;
}

function tooDeep(): HpbError {
  return new HpbError('REQUEST_INVALID', `The body is nested deeper than ${MAX_DEPTH} levels.`, {
    remedy: 'Send a JSON object as /openapi.json describes it.',
  });
}
