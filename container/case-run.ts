import { collectGarbage, WORTH_COLLECTING_BYTES } from '../adapters/collect-garbage.ts';
import { peekNifti } from '../adapters/nifti-file.ts';
import type { ErrorDocument, HpbError } from '../core/errors.ts';
import { LAYOUT_VERSION } from '../core/layout.ts';
import { caseMemory } from '../core/models/case-memory.ts';
import { engineCallOf, type ModelId } from '../core/models/catalogue.ts';
import type { LocatedWeights } from '../core/engine-port.ts';
import { DEMO_NOTICE } from '../core/results/notices.ts';
import type { CaseStage } from '../core/results/run-record.ts';
import type { CaseResult } from '../core/shard.ts';
import type { CaseContext } from './case-context.ts';
import { caseError, throwIfCaseCancelled } from './case-error.ts';
import type { CaseLanes } from './case-lanes.ts';
import { earlierResult, finishedResult } from './earlier-result.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { CaseShare } from './machine-share.ts';
import type { CaseScratch } from './scratch.ts';
import { checkCt, type CheckedCt } from './stages/check.ts';
import { fetchCt, type FetchedCt } from './stages/fetch.ts';
import { measureMasks } from './stages/measure.ts';
import { meshCase, meshScratchOf } from './stages/mesh.ts';
import { packageCase, type PackageInput } from './stages/package.ts';
import { previewFiles } from './stages/preview.ts';
import { publishCase, type PublishedFiles } from './stages/publish.ts';
import { segmentCt, type SegmentedCase } from './stages/segment.ts';
import { besideVolume } from './stages/volume.ts';
import type { Release } from './turns.ts';

/** A case that is ready for the engine. */
interface PreparedCase {
  readonly fetched: FetchedCt;
  readonly checked: CheckedCt;
}

/** How one attempt at a case ended. */
export interface CaseAttempt {
  /** `skipped`: an earlier attempt has published the same result. */
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
  readonly error: HpbError | null;
  /** What result.json is to say; of a skipped case, what it says. */
  readonly result: CaseResult;
  readonly warnings: readonly ErrorDocument[];
  /** Its part of the machine's time, s. */
  readonly machineSeconds: number;
}

/**
 * One attempt at one case, in three phases that hand a plain value on: prepare (fetch, check), segment (the only one
 * that needs the engine) and finish (measure, package, publish). A case keeps its place in one phase until it has one
 * in the next, so that cases meet the engine in their order and never pile up. result.json is not written here.
 */
export class CaseRun {
  readonly #facts: Omit<CaseContext, 'scratch' | 'machineSeconds'>;
  readonly #lanes: CaseLanes;
  readonly #share: CaseShare;
  readonly #startedAt: number;
  readonly #start: number;
  readonly #stageSeconds: Partial<Record<CaseStage, number>> = {};
  #waitedSeconds = 0;
  #heldBytes = 0;
  #releaseMemory: Release = () => undefined;
  #weights: ReadonlyMap<ModelId, LocatedWeights> = new Map();
  #fingerprint = '';
  #warnings: readonly ErrorDocument[] = [];

  constructor(facts: Omit<CaseContext, 'scratch' | 'machineSeconds'>, lanes: CaseLanes, share: CaseShare) {
    this.#facts = facts;
    this.#lanes = lanes;
    this.#share = share;
    this.#startedAt = facts.ports.clock.now();
    this.#start = facts.ports.clock.seconds();
  }

  /**
   * Runs all phases; never throws. Null when the worker stopped before the engine had begun with the case.
   *
   * @param prepared called once the case is out of the first phase
   */
  async run(prepared: () => void): Promise<CaseAttempt | null> {
    const { ports, caseId, progress, cancel } = this.#facts;
    let scratch: CaseScratch | null = null;
    this.#share.resume();
    try {
      scratch = await ports.scratch.forCase(caseId);
      const machineSeconds = (): number => this.#share.seconds();
      const attempt = await this.#phases({ ...this.#facts, scratch, machineSeconds }, prepared);
      // Its progress is taken back next: nothing is to be written after that.
      if (attempt === null) await progress.end(false);
      return attempt;
    } catch (thrown) {
      const error = caseError(thrown, cancel);
      await progress.end(false);
      // One that does not even know what its result would come of has nothing to put in the place of a result.
      const finished = this.#fingerprint === '' ? await finishedResult(this.#facts) : null;
      if (finished !== null) return this.#skipped(finished);
      return this.#end({ outcome: 'failed', error, published: { files: [], zip: null } });
    } finally {
      // What cannot be removed now is removed as the leftover of a dead worker.
      if (!ports.keepIntermediate) await scratch?.remove().catch(() => undefined);
      this.#share.pause();
      this.#giveBackMemory();
      prepared();
    }
  }

  async #phases(context: CaseContext, prepared: () => void): Promise<CaseAttempt | null> {
    const ready = await this.#prepare(context);
    if (ready === null || 'outcome' in ready) return ready;
    const leaveEngine = await this.#waiting(this.#lanes.engine.take());
    let leaveFinish: Release = () => undefined;
    try {
      prepared();
      if (this.#isPutBack()) return null;
      const segmented = await this.#lanes.engine.use(() =>
        this.#stage('segment', () => segmentCt(context, ready.checked, this.#weights)),
      );
      const size = this.#heldBytes >= WORTH_COLLECTING_BYTES ? 'large' : 'small';
      leaveFinish = await this.#waiting(this.#lanes.finish[size].take());
      leaveEngine();
      const published = await this.#finish(context, ready, segmented);
      await context.progress.end(true);
      return this.#end({ outcome: 'succeeded', error: null, published });
    } finally {
      leaveEngine();
      leaveFinish();
    }
  }

  async #prepare(context: CaseContext): Promise<PreparedCase | CaseAttempt | null> {
    const fetched = await this.#stage('fetch', () => fetchCt(context));
    const finished = await this.#identify(fetched);
    if (finished !== null) return this.#skipped(finished);
    this.#loadAhead();
    this.#releaseMemory = await this.#roomFor(fetched);
    if (this.#isPutBack()) return null;
    const checked = await this.#stage('check', () => checkCt(context, fetched));
    this.#warnings = checked.warnings;
    return { fetched, checked };
  }

  /** Whether the worker stops before the engine has the case; one that is cancelled ends as such instead. */
  #isPutBack(): boolean {
    return this.#lanes.stopped() && !this.#facts.cancel.aborted;
  }

  /** Waits for the memory that the case will need. */
  async #roomFor({ path }: FetchedCt): Promise<Release> {
    const { ports, task } = this.#facts;
    // A file without a readable header takes no memory: the check says what is wrong with it.
    const header = await peekNifti(path).catch(() => null);
    if (header === null) return () => undefined;
    const need = caseMemory(header.grid, task, header.datatype.bytes);
    const release = await this.#waiting(this.#lanes.memory.take(need, await ports.memoryPresent()));
    this.#heldBytes = need.workerBytes;
    return release;
  }

  #giveBackMemory(): void {
    const isLarge = this.#heldBytes >= WORTH_COLLECTING_BYTES;
    this.#heldBytes = 0;
    if (!isLarge) return this.#releaseMemory();
    // Only when everything that knows the CT has returned is it garbage.
    setImmediate(() => {
      collectGarbage();
      this.#releaseMemory();
    });
  }

  /** Waits for others, which counts neither as this case's work nor as its part of the machine. */
  async #waiting<T>(turn: Promise<T>): Promise<T> {
    const { clock } = this.#facts.ports;
    const start = clock.seconds();
    this.#share.pause();
    const taken = await turn;
    this.#share.resume();
    const seconds = clock.seconds() - start;
    this.#waitedSeconds += seconds;
    this.#facts.progress.waited(seconds);
    return taken;
  }

  /** Finds the weights and says what the result depends on; the earlier result when that is the same. */
  async #identify(fetched: FetchedCt): Promise<CaseResult | null> {
    const { ports, task } = this.#facts;
    const weights = new Map<ModelId, LocatedWeights>();
    for (const model of task.models) weights.set(model, await ports.weights.locate(model, task.options));
    this.#weights = weights;
    if (this.#isDemo()) ports.log.warn('weights:demo', { caseId: this.#facts.caseId, notice: DEMO_NOTICE });
    const { serviceVersion, meshFormat } = ports;
    this.#fingerprint = fingerprintOf({
      inputSha256: fetched.sha256,
      task,
      weights,
      serviceVersion,
      meshes: task.meshes ?? meshFormat,
    });
    return earlierResult(this.#facts, this.#fingerprint);
  }

  /** While the CT is checked. */
  #loadAhead(): void {
    const { ports, task } = this.#facts;
    for (const [model, { location }] of this.#weights) {
      void ports.engine.load(engineCallOf(model, task.options, location));
    }
  }

  #isDemo(): boolean {
    return [...this.#weights.values()].some(({ used }) => used.some(({ demo }) => demo));
  }

  #finish(
    context: CaseContext,
    { fetched, checked: { volume: ct } }: PreparedCase,
    segmented: SegmentedCase,
  ): Promise<PublishedFiles> {
    return besideVolume(meshScratchOf(context), ct, (volume) =>
      this.#results(context, { fetched, ct, segmented, volume }),
    );
  }

  async #results(
    context: CaseContext,
    { fetched, ct, segmented, volume }: Pick<PackageInput, 'fetched' | 'ct' | 'segmented' | 'volume'>,
  ): Promise<PublishedFiles> {
    const scratch = meshScratchOf(context);
    const measured = await this.#stage('measure', () => measureMasks(context, ct, segmented.masks));
    const meshed = await this.#stage('mesh', () => meshCase(scratch, ct.grid, measured));
    const packaged = await this.#stage('package', () =>
      packageCase(context, {
        fetched,
        ct,
        segmented,
        meshed,
        volume,
        startedAt: this.#startedAt,
        stageSeconds: this.#stageSeconds,
      }),
    );
    return this.#stage('publish', async () => {
      if (!context.ports.previews) return publishCase(context, packaged);
      const previews = await previewFiles(scratch, ct, measured.masks);
      return publishCase(context, packaged, [...previews, ...meshed.shown]);
    });
  }

  async #stage<T>(stage: CaseStage, work: () => Promise<T>): Promise<T> {
    const { ports, progress, cancel, caseId } = this.#facts;
    throwIfCaseCancelled(cancel);
    progress.stage(stage);
    const start = ports.clock.seconds();
    const result = await work();
    const seconds = ports.clock.seconds() - start;
    this.#stageSeconds[stage] = seconds;
    ports.meter?.stage(stage, seconds);
    ports.log.debug('case:stage', { caseId, stage, seconds });
    // What a stage leaves is in nobody's budget.
    if (this.#heldBytes >= WORTH_COLLECTING_BYTES) collectGarbage();
    return result;
  }

  #end(ended: {
    readonly outcome: 'succeeded' | 'failed';
    readonly error: HpbError | null;
    readonly published: PublishedFiles;
  }): CaseAttempt {
    const { jobId, caseId, attempt, ports } = this.#facts;
    const { outcome, error, published } = ended;
    const workedSeconds = ports.clock.seconds() - this.#start - this.#waitedSeconds;
    const demo = this.#isDemo();
    const result: CaseResult = {
      layoutVersion: LAYOUT_VERSION,
      jobId,
      caseId,
      attempt,
      outcome,
      error: error === null ? null : errorOf(error),
      fingerprint: this.#fingerprint,
      demo,
      ...published,
      seconds: Math.round(workedSeconds * 1000) / 1000,
    };
    return { outcome, error, result, warnings: this.#warnings, machineSeconds: this.#share.seconds() };
  }

  #skipped(result: CaseResult): CaseAttempt {
    const machineSeconds = this.#share.seconds();
    return { outcome: 'skipped', error: null, result, warnings: [], machineSeconds };
  }
}

function errorOf(error: HpbError): NonNullable<CaseResult['error']> {
  const { details, ...document } = error.toDocument();
  const copied = Object.entries(details).map(
    ([key, value]) => [key, typeof value === 'object' && value !== null ? [...value] : value] as const,
  );
  return { ...document, details: Object.fromEntries(copied) };
}
