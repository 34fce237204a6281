import { z } from 'zod';
import { HpbError } from '../errors.ts';
import { VIEWER_INDEX_KEY } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';
import type { ViewerIndexEntry } from '../results/learnhpb-folder.ts';
import { stableJson } from '../results/stable-json.ts';

// Others may keep cases and fields of their own in it.
const viewerIndex = z.looseObject({ cases: z.array(z.looseObject({ id: z.string() })) });
type ViewerIndex = z.infer<typeof viewerIndex>;

/** Writers that come in between, at most. */
const TRIES = 10;

/** Puts a case into `meta/cases.json` in place of an earlier one of its id, or takes it out; others stay as they are. */
export async function changeViewerIndex(
  viewer: Pick<ObjectStore, 'head' | 'read' | 'put'>,
  id: string,
  entry: ViewerIndexEntry | null,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const there = (await viewer.head(VIEWER_INDEX_KEY)) === null ? null : await viewer.read(VIEWER_INDEX_KEY);
    const index: ViewerIndex = there === null ? { cases: [] } : parseIndex(there.body);
    const known = index.cases.some((one) => one.id === id);
    if (entry === null && !known) return;
    const added = entry === null ? [] : [{ ...entry }];
    const cases = known
      ? index.cases.flatMap((one) => (one.id === id ? added : [one]))
      : [...index.cases, ...added];
    const condition = there === null ? { ifAbsent: true } : { ifTag: there.facts.tag };
    try {
      await viewer.put(VIEWER_INDEX_KEY, stableJson({ ...index, cases }), condition);
      return;
    } catch (error) {
      if (!(error instanceof HpbError) || !['OBJECT_EXISTS', 'OBJECT_CHANGED'].includes(error.code))
        throw error;
    }
  }
  throw new HpbError('OBJECT_CHANGED', `${VIEWER_INDEX_KEY} is being changed by others all the time.`, {
    remedy: 'Publish the case again.',
  });
}

function parseIndex(body: Uint8Array): ViewerIndex {
  try {
    return viewerIndex.parse(JSON.parse(new TextDecoder().decode(body)));
  } catch (cause) {
    throw new HpbError('DOCUMENT_UNREADABLE', `${VIEWER_INDEX_KEY} is no list of cases.`, {
      remedy: 'Mend it or move it away; nothing was changed.',
      cause,
    });
  }
}
