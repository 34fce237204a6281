import { HpbError } from '../errors.ts';
import { MODELS_PREFIX, modelsManifestKey } from '../layout.ts';
import { modelEntry, type ModelId, type SegmentOptions } from '../models/catalogue.ts';
import type { WeightsId } from '../models/weights.ts';
import { parseWeightsManifest } from '../models/weights-manifest.ts';
import type { Clock, ObjectStore } from '../ports.ts';

/** What the bucket of the weights holds. */
export interface PushedSets {
  readonly kind: 'real' | 'demo';
  /** Sets of which every file is there in its size -> checksums of the files. */
  readonly sets: ReadonlyMap<WeightsId, readonly string[]>;
}

/** How long an answer holds, ms: weights change seldom, and who waits for them looks again soon. */
const KNOWN_MS = 300_000;
const MISSING_MS = 15_000;

/**
 * The weights that a deployment can run, as their manifest and the listing of the bucket tell; asked for at every
 * submit, so the answer is kept for a while. Checksums are the worker's to check when it fetches.
 */
export class PushedWeights {
  readonly #store: Pick<ObjectStore, 'get' | 'list'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #realOnly: boolean;
  #known: { readonly sets: PushedSets | null; readonly until: number } | null = null;

  /** `realOnly`: workers refuse demo networks, so that they count as if nobody had pushed them. Default: false. */
  constructor(
    store: Pick<ObjectStore, 'get' | 'list'>,
    clock: Pick<Clock, 'now'>,
    { realOnly = false }: { readonly realOnly?: boolean } = {},
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#realOnly = realOnly;
  }

  /** Null while nobody has pushed weights that workers take. Throws `WEIGHTS_CORRUPT` for a manifest that cannot be read. */
  async sets(): Promise<PushedSets | null> {
    const now = this.#clock.now();
    if (this.#known !== null && now < this.#known.until) return this.#known.sets;
    const sets = await this.#read();
    this.#known = { sets, until: now + (sets === null ? MISSING_MS : KNOWN_MS) };
    return sets;
  }

  /** @throws HpbError WEIGHTS_MISSING naming a set that the models need and that is not there. */
  async require(models: readonly ModelId[], options: SegmentOptions): Promise<void> {
    const pushed = await this.sets();
    for (const model of models) {
      const lacking = modelEntry(model)
        .weights(options)
        .find((id) => pushed?.sets.has(id) !== true);
      if (lacking !== undefined) {
        // So that the next submit after a push is not refused by what was known before it.
        this.#known = null;
        throw missing(model, lacking);
      }
    }
  }

  async #read(): Promise<PushedSets | null> {
    const text = await this.#manifest();
    if (text === null) return null;
    const { kind, sets } = parseWeightsManifest(text);
    if (this.#realOnly && kind === 'demo') return null;
    const sizes = new Map((await this.#store.list(MODELS_PREFIX)).map(({ key, bytes }) => [key, bytes]));
    const whole = Object.entries(sets).filter(([, { files }]) =>
      Object.entries(files).every(([path, { bytes }]) => sizes.get(`${MODELS_PREFIX}${path}`) === bytes),
    );
    return {
      kind,
      sets: new Map(
        whole.map(([id, { files }]) => [id as WeightsId, Object.values(files).map(({ sha256 }) => sha256)]),
      ),
    };
  }

  async #manifest(): Promise<string | null> {
    try {
      return new TextDecoder().decode(await this.#store.get(modelsManifestKey()));
    } catch (thrown) {
      if (thrown instanceof HpbError && thrown.code === 'OBJECT_NOT_FOUND') return null;
      throw thrown;
    }
  }
}

function missing(model: ModelId, set: WeightsId): HpbError {
  return new HpbError(
    'WEIGHTS_MISSING',
    `${model} cannot be run yet: its weights (${set}) have not been pushed to this deployment.`,
    {
      remedy: 'Whoever runs the service pushes them with `hpb models push`; then send the request again.',
      details: { model, set },
    },
  );
}
