import { describe, expect, it } from 'vitest';
import type { UploadId } from '../../core/layout.ts';
import type { UploadAnswer } from '../../core/requests.ts';
import { sendPieces, type PieceSending, type UploadPiece } from '../../core/upload-pieces.ts';

const UPLOAD = 'u-0123456789' as UploadId;
const request = { method: 'PUT', url: 'https://store/signed', headers: {}, expiresAt: '' } as const;

/** An upload of parts of 10 bytes, of which some have arrived; an answer names two missing ones at most. */
function inParts(count: number, arrived: ReadonlySet<number>): UploadAnswer {
  const parts = Array.from({ length: count }, (_, at) => ({ part: at + 1, bytes: 10 }));
  return {
    uploadId: UPLOAD,
    state: arrived.size === count ? 'complete' : 'open',
    sizeBytes: count * 10,
    put: null,
    parts: {
      partBytes: 10,
      count,
      arrived: parts.filter(({ part }) => arrived.has(part)),
      missing: parts
        .filter(({ part }) => !arrived.has(part))
        .slice(0, 2)
        .map((part) => ({ ...part, request })),
    },
  };
}

const inOne: UploadAnswer = { uploadId: UPLOAD, state: 'open', sizeBytes: 10, put: request, parts: null };

/** A store that keeps the parts it gets; `fate` says what becomes of a piece instead. */
function bench(count: number, fate: (piece: UploadPiece, call: number) => string | null = () => null) {
  const arrived = new Set<number>();
  const sent: number[] = [];
  const shares: number[] = [];
  const sending: PieceSending<string> = {
    parallel: 1,
    onProgress: (done, total) => void shares.push(done / total),
    sign: async () => inParts(count, arrived),
    send: async (piece, { onSent }) => {
      sent.push(piece.start);
      const failure = fate(piece, sent.length);
      if (failure !== null) return failure;
      onSent(piece.bytes);
      arrived.add(piece.start / 10 + 1);
      return null;
    },
  };
  return { sending, arrived, sent, shares };
}

describe('the pieces of an upload', () => {
  it('are sent once each, however many answers it takes to name them', async () => {
    const { sending, sent, shares } = bench(5);

    expect(await sendPieces(inParts(5, new Set()), sending)).toBeNull();

    expect(sent).toEqual([0, 10, 20, 30, 40]);
    expect(shares.at(-1)).toBe(1);
  });

  it('are sent again after one that failed, which ends its round', async () => {
    const { sending, sent } = bench(3, (_, call) => (call === 1 ? 'dropped' : null));

    expect(await sendPieces(inParts(3, new Set()), sending)).toBeNull();

    expect(sent).toEqual([0, 0, 10, 20]);
  });

  it('are given up with the reason after three rounds in a row that bring nothing', async () => {
    const { sending, sent } = bench(3, ({ start }) => (start === 20 ? 'refused' : null));

    expect(await sendPieces(inParts(3, new Set()), sending)).toBe('refused');

    expect(sent).toEqual([0, 10, 20, 20, 20]);
  });

  it('are one when the upload is one, and nothing is signed anew for it', async () => {
    const { sending, sent } = bench(1);
    const sign = async (): Promise<never> => {
      throw new Error('Nothing to sign.');
    };

    expect(await sendPieces(inOne, { ...sending, sign })).toBeNull();

    expect(sent).toEqual([0]);
  });

  it('are all aborted when one of them throws', async () => {
    const { sending } = bench(2);
    let aborted = false;
    const send: PieceSending<string>['send'] = async ({ start }, { signal }) => {
      if (start === 0) throw new Error('The file is gone.');
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(String((aborted = true))));
      });
    };

    const sendAll = sendPieces(inParts(2, new Set()), { ...sending, parallel: 2, send });

    await expect(sendAll).rejects.toThrow('The file is gone.');
    expect(aborted).toBe(true);
  });
});
