import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadLetters } from '../adapters/dead-letters.ts';
import { HpbError } from '../core/errors.ts';

/** How dead letters are moved back. */
export interface RedriveRequest {
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Told before anything moves. */
  readonly onCounts: (counts: { readonly deadLetters: number; readonly queue: number }) => void;
  /** Between two looks, default 1 s. */
  readonly pauseMs?: number;
}

/** What became of them. */
export interface RedriveResult {
  /** As they were counted at first. */
  readonly deadLetters: number;
  readonly queue: number;
  /** Null when nothing was to be moved. */
  readonly moved: number | null;
}

/**
 * Moves the dead letters of a queue back into it and waits until that is done; goes on with a move that is under way.
 *
 * @throws HpbError SERVICE_UNREACHABLE, also when SQS gives the move up; CANCELLED, while SQS goes on.
 */
export async function redrive(letters: DeadLetters, request: RedriveRequest): Promise<RedriveResult> {
  const counts = await letters.counts();
  request.onCounts(counts);
  if (request.dryRun) return { ...counts, moved: null };
  const running = (await letters.latestMove())?.isRunning === true;
  if (counts.deadLetters === 0 && !running) return { ...counts, moved: null };
  if (!running) await letters.startMove();
  return { ...counts, moved: await watchMove(letters, request) };
}

async function watchMove(letters: DeadLetters, { signal, pauseMs = 1_000 }: RedriveRequest): Promise<number> {
  for (;;) {
    const move = await letters.latestMove();
    if (move?.hasFailed === true)
      throw new HpbError(
        'SERVICE_UNREACHABLE',
        `SQS gave up after ${move.moved} messages: ${move.reason ?? 'somebody cancelled it'}.`,
        {
          remedy:
            'Look at the permissions of both queues and of their key, then run it again: the rest is still there.',
        },
      );
    if (move?.isRunning === false) return move.moved;
    await sleep(pauseMs, undefined, { signal }).catch(() => {
      throw new HpbError('CANCELLED', 'Interrupted: no longer watching. SQS goes on moving.', {
        remedy: 'Run it again to see how far it came.',
      });
    });
  }
}
