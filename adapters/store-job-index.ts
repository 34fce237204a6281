import { HpbError } from '../core/errors.ts';
import { isFinal, JOB_STATES, jobDocument, type JobDocument, type JobState } from '../core/job.ts';
import { jobDocumentKey, jobIndexKey, jobIndexPrefix, parseJobIndexKey, type JobId } from '../core/layout.ts';
import { mapLimited } from '../core/map-limited.ts';
import { parseDocument } from '../core/use-cases/stored-document.ts';
import type { Clock, JobIndex, ObjectFacts, ObjectStore } from '../core/ports.ts';

const PARALLEL = 16;
const UPDATE_TRIES = 50;
/**
 * How long an entry may contradict its document before it counts as left behind by a writer that died in between: a
 * living one is done in milliseconds.
 */
const IN_BETWEEN_MS = 10 * 60_000;
const ACTIVE_STATES = JOB_STATES.filter((state) => !isFinal(state));

/**
 * The index of jobs as documents of a store: `job.json` of each job is the truth, changed only against its tag; empty
 * objects under reverse-time keys make the lists. An entry is written before its document and removed after, so a
 * writer that dies in between leaves an entry too many, never one too few; readers check entries against documents
 * and remove those that are long out of date. Lists leave out jobs whose document cannot be read; `get` and `update`
 * of one throw `DOCUMENT_UNREADABLE`.
 */
export class StoreJobIndex implements JobIndex {
  readonly #store: ObjectStore;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(store: ObjectStore, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#clock = clock;
  }

  async create(job: JobDocument): Promise<void> {
    const entries = entriesOf(job);
    await Promise.all(entries.map(async (key) => this.#store.put(key, '')));
    try {
      await this.#store.put(jobDocumentKey(job.jobId), JSON.stringify(job), { ifAbsent: true });
    } catch (error) {
      if (isCode(error, 'OBJECT_EXISTS')) await this.#dropForeign(job, entries);
      throw error;
    }
  }

  async get(jobId: JobId): Promise<JobDocument | null> {
    return (await this.#read(jobId))?.job ?? null;
  }

  async update(jobId: JobId, change: (job: JobDocument) => JobDocument | null): Promise<JobDocument> {
    // States whose entries we may leave behind.
    const left = new Set<JobState>();
    for (let tries = 1; ; tries += 1) {
      const found = await this.#read(jobId);
      if (found === null) throw jobNotFound(jobId);
      const next = change(found.job);
      if (next === null) {
        await this.#settle(found.job, left);
        return found.job;
      }
      try {
        await this.#replace(found.job, next, { tag: found.tag, left });
        return next;
      } catch (error) {
        if (!isCode(error, 'OBJECT_CHANGED') || tries === UPDATE_TRIES) throw error;
        left.add(next.state);
      }
    }
  }

  async list(query: {
    readonly state?: JobState | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<{ readonly jobs: readonly JobDocument[]; readonly next: string | null }> {
    const { state, limit } = query;
    const prefix = jobIndexPrefix(state);
    let last = query.after === undefined ? undefined : `${prefix}${requireCursor(query.after)}`;
    const jobs: JobDocument[] = [];
    for (;;) {
      const wanted = limit - jobs.length;
      // One more tells whether there is more.
      const found = await this.#store.list(prefix, {
        ...(last !== undefined && { after: last }),
        limit: wanted + 1,
      });
      const page = found.slice(0, wanted);
      const read = await mapLimited(page, PARALLEL, async (entry) => this.#jobOf(entry, state));
      jobs.push(...read.filter((job) => job !== null));
      last = page.at(-1)?.key ?? last;
      if (found.length <= wanted) return { jobs, next: null };
      if (jobs.length === limit) return { jobs, next: last?.slice(prefix.length) ?? null };
    }
  }

  async countActive(): Promise<number> {
    const lists = await Promise.all(
      ACTIVE_STATES.map(async (state) => {
        const entries = await this.#store.list(jobIndexPrefix(state));
        const old = this.#clock.now() - IN_BETWEEN_MS;
        // Fresh entries are taken at their word; of old ones a few are left behind.
        const checked = await mapLimited(entries, PARALLEL, async (entry) =>
          entry.modifiedAt > old || (await this.#jobOf(entry, state)) !== null
            ? (parseJobIndexKey(entry.key)?.jobId ?? null)
            : null,
        );
        return checked.filter((jobId) => jobId !== null);
      }),
    );
    // A job between two states has an entry in both.
    return new Set(lists.flat()).size;
  }

  async remove(jobId: JobId): Promise<void> {
    const job = await this.#readable(jobId);
    const isKnown = job !== null && job !== 'unreadable';
    const all = isKnown ? allEntriesOf(job) : await this.#entriesWithout(jobId);
    await this.#store.remove(jobDocumentKey(jobId));
    await mapLimited(all, PARALLEL, async (key) => this.#store.remove(key));
  }

  async #read(jobId: JobId): Promise<{ readonly job: JobDocument; readonly tag: string } | null> {
    const key = jobDocumentKey(jobId);
    try {
      const { body, facts } = await this.#store.read(key);
      return { job: parseDocument(key, body, jobDocument), tag: facts.tag };
    } catch (error) {
      if (isCode(error, 'OBJECT_NOT_FOUND')) return null;
      throw error;
    }
  }

  async #replace(
    before: JobDocument,
    next: JobDocument,
    { tag, left }: { readonly tag: string; readonly left: Set<JobState> },
  ): Promise<void> {
    const moves = next.state !== before.state;
    if (moves) await this.#store.put(jobIndexKey(next, next.state), '');
    await this.#store.put(jobDocumentKey(next.jobId), JSON.stringify(next), { ifTag: tag });
    if (moves) left.add(before.state);
    // A writer may have died in any of the states that the job came through.
    if (moves && isFinal(next.state)) for (const state of ACTIVE_STATES) left.add(state);
    await this.#settle(next, left);
  }

  /** Removes the entries of states that the job has left, and sees to it that it has the right one. */
  async #settle(job: JobDocument, left: ReadonlySet<JobState>): Promise<void> {
    if (left.size === 0) return;
    const others = [...left].filter((state) => state !== job.state);
    await mapLimited(others, PARALLEL, async (state) => this.#store.remove(jobIndexKey(job, state)));
    // Another writer may have moved the job meanwhile, and each of us removed the entry of the other.
    const now = await this.get(job.jobId);
    if (now === null) return;
    const entry = jobIndexKey(now, now.state);
    if ((await this.#store.head(entry)) === null) await this.#store.put(entry, '');
  }

  /** Removes entries that were written for a job of an id that was taken. */
  async #dropForeign(job: JobDocument, written: readonly string[]): Promise<void> {
    const owner = await this.get(job.jobId);
    const kept = owner === null ? [] : entriesOf(owner);
    for (const key of written) if (!kept.includes(key)) await this.#store.remove(key);
  }

  /** The job that an entry stands for; null when the entry is wrong, which is then removed unless it is fresh. */
  async #jobOf(entry: ObjectFacts, state: JobState | undefined): Promise<JobDocument | null> {
    const named = parseJobIndexKey(entry.key);
    const job = named === null ? null : await this.#readable(named.jobId);
    // One damaged document must not hide all other jobs; its entry stays for when it is mended.
    if (job === 'unreadable') return null;
    if (job !== null && jobIndexKey(job, state === undefined ? undefined : job.state) === entry.key)
      return job;
    if (this.#clock.now() - entry.modifiedAt > IN_BETWEEN_MS) await this.#store.remove(entry.key);
    return null;
  }

  async #readable(jobId: JobId): Promise<JobDocument | 'unreadable' | null> {
    try {
      return await this.get(jobId);
    } catch (error) {
      if (isCode(error, 'DOCUMENT_UNREADABLE')) return 'unreadable';
      throw error;
    }
  }

  /** Entries of a job whose document is gone or damaged. */
  async #entriesWithout(jobId: JobId): Promise<readonly string[]> {
    const prefixes = [jobIndexPrefix(), ...JOB_STATES.map((state) => jobIndexPrefix(state))];
    const lists = await Promise.all(prefixes.map(async (prefix) => this.#store.list(prefix)));
    return lists
      .flat()
      .map(({ key }) => key)
      .filter((key) => parseJobIndexKey(key)?.jobId === jobId);
  }
}

const entriesOf = (job: JobDocument): readonly string[] => [jobIndexKey(job), jobIndexKey(job, job.state)];

const allEntriesOf = (job: JobDocument): readonly string[] => [
  jobIndexKey(job),
  ...JOB_STATES.map((state) => jobIndexKey(job, state)),
];

const isCode = (error: unknown, code: HpbError['code']): boolean =>
  error instanceof HpbError && error.code === code;

function jobNotFound(jobId: JobId): HpbError {
  return new HpbError('JOB_NOT_FOUND', `There is no job ${JSON.stringify(jobId)}.`, {
    remedy: 'It was removed, or its id is misspelt. List the jobs.',
  });
}

/** The rest of an index key, as `next` gave it. */
function requireCursor(after: string): string {
  if (/^\d{13}-[a-z0-9-]{8,64}$/.test(after)) return after;
  throw new HpbError(
    'REQUEST_INVALID',
    `${JSON.stringify(after.slice(0, 100))} is not a place in the list of jobs.`,
    {
      remedy: 'Pass what `next` of the page before says, or nothing for the first page.',
    },
  );
}
