import { describe, expect, it } from 'vitest';
import type { DeadLetters, MoveTask } from '../../adapters/dead-letters.ts';
import { redrive, type RedriveRequest } from '../../cli/redrive.ts';

/** Dead letters whose move takes so many looks. */
class FakeDeadLetters implements DeadLetters {
  moves = 0;
  task: MoveTask | null = null;
  #left: number;
  #looks: number;

  constructor(left: number, looks = 2) {
    this.#left = left;
    this.#looks = looks;
  }

  async counts(): Promise<{ deadLetters: number; queue: number }> {
    return { deadLetters: this.#left, queue: 1 };
  }

  async startMove(): Promise<void> {
    this.moves += 1;
    this.task = { isRunning: true, hasFailed: false, moved: 0, reason: null };
  }

  async latestMove(): Promise<MoveTask | null> {
    if (this.task?.isRunning === true && this.#looks-- === 0)
      this.task = { ...this.task, isRunning: false, moved: this.#left };
    return this.task;
  }
}

const request = (changed: Partial<RedriveRequest> = {}): RedriveRequest => ({
  dryRun: false,
  signal: new AbortController().signal,
  onCounts: () => undefined,
  pauseMs: 1,
  ...changed,
});

describe('a redrive', () => {
  it('tells the counts before it moves anything, and waits for the end of the move', async () => {
    const letters = new FakeDeadLetters(5);
    const told: unknown[] = [];

    const result = await redrive(
      letters,
      request({ onCounts: (counts) => told.push([counts, letters.moves]) }),
    );

    expect(told).toEqual([[{ deadLetters: 5, queue: 1 }, 0]]);
    expect(result).toEqual({ deadLetters: 5, queue: 1, moved: 5 });
    expect(letters.moves).toBe(1);
  });

  it.each([
    ['as a dry run', 5, true],
    ['without dead letters', 0, false],
  ])('%s moves nothing', async (_, left, dryRun) => {
    const letters = new FakeDeadLetters(left);

    expect(await redrive(letters, request({ dryRun }))).toMatchObject({ moved: null });
    expect(letters.moves).toBe(0);
  });

  it('watches a move that is under way instead of starting another', async () => {
    const letters = new FakeDeadLetters(0);
    letters.task = { isRunning: true, hasFailed: false, moved: 0, reason: null };

    expect(await redrive(letters, request())).toMatchObject({ moved: 0 });
    expect(letters.moves).toBe(0);
  });

  it('that SQS gives up fails with its reason', async () => {
    const letters = new FakeDeadLetters(5);
    letters.startMove = async () => {
      letters.task = { isRunning: false, hasFailed: true, moved: 2, reason: 'AccessDenied' };
    };

    await expect(redrive(letters, request())).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('after 2 messages: AccessDenied'),
    });
  });

  it('can be left, and SQS goes on', async () => {
    const leave = new AbortController();
    const letters = new FakeDeadLetters(5, 1_000);

    const left = redrive(letters, request({ signal: leave.signal, pauseMs: 60_000 }));
    setTimeout(() => leave.abort(), 20);

    await expect(left).rejects.toMatchObject({
      code: 'CANCELLED',
      message: expect.stringContaining('SQS goes on'),
    });
  });
});
