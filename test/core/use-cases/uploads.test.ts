import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { uploadDocumentKey, uploadInputKey } from '../../../core/layout.ts';
import { completeUpload, listUploadParts, openUpload } from '../../../core/use-cases/uploads.ts';
import { serviceFakes } from '../../fakes/service-fakes.ts';

const SMALL_PARTS = { multipartFromBytes: 100, partBytes: 40 } as const;

describe('an upload in one piece', () => {
  it('is one signed PUT of the promised size', async () => {
    const ports = serviceFakes();

    const answer = await openUpload(ports, { fileName: 'a.nii.gz', sizeBytes: 7 });

    expect(answer).toMatchObject({ state: 'open', parts: null });
    expect(answer.put!.headers['content-length']).toBe('7');
  });

  it('is incomplete until its bytes are there, then complete as often as one asks', async () => {
    const ports = serviceFakes();
    const { uploadId, put } = await openUpload(ports, { fileName: 'a.nii.gz', sizeBytes: 7 });

    await expect(completeUpload(ports, uploadId)).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    await ports.links.send(put!, new Uint8Array(7));

    expect((await completeUpload(ports, uploadId)).state).toBe('complete');
    expect((await completeUpload(ports, uploadId)).state).toBe('complete');
    expect(await listUploadParts(ports, uploadId)).toMatchObject({ state: 'complete', put: null });
  });

  it('of another size than promised is refused', async () => {
    const ports = serviceFakes();
    const { uploadId } = await openUpload(ports, { fileName: 'a.nii.gz', sizeBytes: 7 });
    await ports.store.put(uploadInputKey(uploadId), 'three');

    await expect(completeUpload(ports, uploadId)).rejects.toMatchObject({ code: 'UPLOAD_SIZE_MISMATCH' });
  });
});

describe('an upload in parts', () => {
  it('is signed part by part, the last one shorter', async () => {
    const ports = serviceFakes(SMALL_PARTS);

    const { parts, put } = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 100 });

    expect(put).toBeNull();
    expect(parts!.missing.map(({ part, bytes }) => [part, bytes])).toEqual([
      [1, 40],
      [2, 40],
      [3, 20],
    ]);
  });

  it('goes on where it stopped', async () => {
    const ports = serviceFakes(SMALL_PARTS);
    const opened = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 100 });
    ports.links.sendPart(opened.parts!.missing[1]!.request, new Uint8Array(40));

    const { parts } = await listUploadParts(ports, opened.uploadId);

    expect(parts!.arrived).toEqual([{ part: 2, bytes: 40 }]);
    expect(parts!.missing.map(({ part }) => part)).toEqual([1, 3]);
    await expect(completeUpload(ports, opened.uploadId)).rejects.toMatchObject({
      code: 'UPLOAD_INCOMPLETE',
      details: { arrived: 40 },
    });
  });

  it('is joined once all are there, and checked for its size', async () => {
    const ports = serviceFakes(SMALL_PARTS);
    const { uploadId, parts } = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 100 });
    for (const { request, bytes } of parts!.missing) {
      ports.links.sendPart(request, new Uint8Array(bytes));
    }
    ports.links.sendPart(parts!.missing[2]!.request, new Uint8Array(19));
    await expect(completeUpload(ports, uploadId)).rejects.toMatchObject({ code: 'UPLOAD_SIZE_MISMATCH' });
    ports.links.sendPart(parts!.missing[2]!.request, new Uint8Array(20));

    const answers = await Promise.all([completeUpload(ports, uploadId), completeUpload(ports, uploadId)]);

    expect(answers.map(({ state }) => state)).toEqual(['complete', 'complete']);
    expect((await ports.store.head(uploadInputKey(uploadId)))!.bytes).toBe(100);
  });

  it.each([
    ['completed', completeUpload],
    ['looked at', listUploadParts],
  ])('that somebody else completes while it is %s is complete', async (_, call) => {
    const ports = serviceFakes(SMALL_PARTS);
    const { uploadId, parts } = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 100 });
    for (const { request, bytes } of parts!.missing) ports.links.sendPart(request, new Uint8Array(bytes));
    const listParts = ports.links.listParts.bind(ports.links);
    ports.links.listParts = async (key, id) => {
      await ports.links.completeMultipart(key, id, await listParts(key, id));
      return listParts(key, id);
    };

    expect(await call(ports, uploadId)).toMatchObject({ uploadId, state: 'complete', parts: null });
  });

  it.each([
    ['completed', completeUpload],
    ['resumed', listUploadParts],
  ])('whose parts the store has forgotten cannot be %s: another one is to be opened', async (_, call) => {
    const ports = serviceFakes(SMALL_PARTS);
    const { uploadId, parts } = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 100 });
    ports.links.sendPart(parts!.missing[0]!.request, new Uint8Array(40));
    ports.links.multiparts.clear();

    await expect(call(ports, uploadId)).rejects.toMatchObject({
      code: 'UPLOAD_NOT_FOUND',
      remedy: expect.stringMatching(/open another/i),
    });
  });

  it('has at most ten thousand of them', async () => {
    const ports = serviceFakes({ partBytes: 8 * 2 ** 20 });

    const { parts } = await openUpload(ports, { fileName: 'a.zip', sizeBytes: 400 * 2 ** 30 });

    expect(parts!.count).toBeLessThanOrEqual(10_000);
    expect(parts!.missing).toHaveLength(1_000);
  });
});

describe('an upload', () => {
  it('beyond the limit is refused before anything is stored', async () => {
    const ports = serviceFakes({ maxUploadBytes: 10 });

    await expect(openUpload(ports, { fileName: 'a', sizeBytes: 11 })).rejects.toMatchObject({
      code: 'REQUEST_TOO_LARGE',
    });
    expect(ports.store.keys()).toEqual([]);
  });

  it('is refused while the home has no room', async () => {
    const full = new HpbError('DISK_FULL', 'Full.', { remedy: 'Delete something.' });
    const ports = { ...serviceFakes(), admission: () => Promise.reject(full) };

    await expect(openUpload(ports, { fileName: 'a', sizeBytes: 1 })).rejects.toBe(full);
  });

  it('of another layout version is refused with a code', async () => {
    const ports = serviceFakes();
    const { uploadId } = await openUpload(ports, { fileName: 'a', sizeBytes: 1 });
    const key = uploadDocumentKey(uploadId);
    await ports.store.put(key, JSON.stringify({ ...(ports.store.json(key) as object), layoutVersion: 2 }));

    await expect(listUploadParts(ports, uploadId)).rejects.toMatchObject({ code: 'DOCUMENT_UNREADABLE' });
  });
});
