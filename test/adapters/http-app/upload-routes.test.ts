import { describe, expect, it } from 'vitest';
import { answerOf, httpHome, type ProblemSeen } from './http-home.ts';

const file = { fileName: 'case_0000.nii.gz', sizeBytes: 6 };

describe('an upload', () => {
  it('is opened with one signed PUT, filled, and completed', async () => {
    const { call, ports } = httpHome();

    const opened = await call('POST /uploads', file);
    const { uploadId, put } = await answerOf<{ uploadId: string; put: { url: string } }>(opened);
    await ports.links.send(put, Buffer.from('voxels'));
    const completed = await call(`POST /uploads/${uploadId}/complete`);

    expect(opened.status).toBe(201);
    expect(completed.status).toBe(200);
    expect(await completed.json()).toMatchObject({ uploadId, state: 'complete', sizeBytes: 6 });
  });

  it('comes in parts when it is large, and tells what is missing when it is resumed', async () => {
    const { call, ports } = httpHome({ limits: { multipartFromBytes: 10, partBytes: 8 * 2 ** 20 } });
    type Parts = { uploadId: string; parts: { missing: { part: number; request: { url: string } }[] } };
    const sizeBytes = 9 * 2 ** 20;

    const opened = await answerOf<Parts>(await call('POST /uploads', { ...file, sizeBytes }));
    ports.links.sendPart(opened.parts.missing[0]!.request, Buffer.alloc(8 * 2 ** 20));
    const resumed = await call(`POST /uploads/${opened.uploadId}/parts`);
    const looked = await call(`GET /uploads/${opened.uploadId}/parts`);
    const early = await call(`POST /uploads/${opened.uploadId}/complete`);

    expect(opened.parts.missing).toHaveLength(2);
    expect((await answerOf<Parts>(resumed)).parts.missing.map(({ part }) => part)).toEqual([2]);
    expect((await answerOf<Parts>(looked)).parts.missing).toHaveLength(1);
    expect(early.status).toBe(409);
    expect(await answerOf<ProblemSeen>(early)).toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  });

  it.each(['u-unknown12', '..', 'a.b', '%2e%2e%2f%2e%2e%2fetc', 'u-a%2Fb', "u-'%00", 'x'.repeat(500)])(
    'is not found under the id %s',
    async (id) => {
      const answer = await httpHome().call(`POST /uploads/${id}/complete`);

      expect(answer.status).toBe(404);
      expect((await answerOf<ProblemSeen>(answer)).code).toMatch(/^(UPLOAD|ROUTE)_NOT_FOUND$/);
    },
  );
});

describe('a body', () => {
  it.each([
    [{ ...file, sizeBytes: '6' }, /"sizeBytes".*received "6"/],
    [{ ...file, sizeBytes: -1 }, /"sizeBytes".*received -1/],
    [{ ...file, sizeBytes: 1.5 }, /"sizeBytes".*received 1.5/],
    [{ fileName: 'x' }, /"sizeBytes".*missing/],
    [{ ...file, fileName: '' }, /"fileName"/],
    [{ ...file, fileName: 'a\u0000b' }, /"fileName"/],
    [{ ...file, sha256: 'ABC' }, /"sha256".*received "ABC"/],
    [{ ...file, admin: true }, /unknown field "admin"/],
    [[file], /object/],
    ['null', /The body/],
    ['{"fileName":"a","fileName":"b","sizeBytes":1}', /"fileName" twice/],
    ['{"__proto__":{"x":1},"fileName":"a","sizeBytes":1}', /__proto__/],
    ['{"fileName":', /not JSON/],
    ['', /empty/],
    [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, /nested deeper than 64/],
    [`{"fileName":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_001)}`, /nested deeper than 64/],
  ])('like %j is refused in one sentence', async (body, sentence) => {
    const answer = await httpHome().call('POST /uploads', body);
    const problem = await answerOf<ProblemSeen>(answer);

    expect(answer.status).toBe(422);
    expect(problem.code).toBe('REQUEST_INVALID');
    expect(problem.detail).toMatch(sentence);
    expect(problem.remedy).not.toBe('');
    expect(JSON.stringify(problem)).not.toMatch(/ZodError|invalid_type|"issues"/);
  });

  it.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/jsonp' },
    { 'content-encoding': 'gzip' },
  ])('of %j is refused with 415', async (headers) => {
    const answer = await httpHome().call('POST /uploads', file, headers);

    expect(answer.status).toBe(415);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'REQUEST_TYPE_UNSUPPORTED' });
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json ; charset=utf-8',
    'application/json;',
    'Application/JSON;charset="utf-8"; ',
  ])('of the type %j is JSON', async (type) => {
    const answer = await httpHome().call('POST /uploads', file, { 'content-type': type });

    expect(answer.status).toBe(201);
  });

  it('that names no type is refused with 415', async () => {
    const body = new Blob([JSON.stringify(file)]);

    const answer = await httpHome().app.request('/uploads', { method: 'POST', body });

    expect(answer.status).toBe(415);
  });

  it('that announces too many bytes is refused before it is read', async () => {
    let read = 0;
    const body = new ReadableStream({ pull: () => void (read += 1) }, { highWaterMark: 0 });

    const answer = await httpHome().app.request('/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '70000' },
      body,
      duplex: 'half',
    });

    expect(answer.status).toBe(413);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'REQUEST_TOO_LARGE' });
    expect(read).toBe(0);
  });

  it('that turns out too long is refused while it comes, and read no further', async () => {
    let chunks = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull: (controller) => {
        chunks += 1;
        controller.enqueue(new Uint8Array(16_384).fill(32));
      },
      cancel: () => void (cancelled = true),
    });

    const answer = await httpHome().app.request('/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    });

    expect(answer.status).toBe(413);
    expect(chunks).toBeLessThan(10);
    expect(cancelled).toBe(true);
  });

  it('that stops coming ends with 408', async () => {
    const patience = { jsonMs: 30 };
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{')) });

    const answer = await httpHome({ deployment: { patience } }).app.request('/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    });

    expect(answer.status).toBe(408);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'REQUEST_TOO_SLOW' });
  });

  it('that breaks off is no fault of ours', async () => {
    const { app, ports } = httpHome();
    const body = new ReadableStream({ start: (sending) => sending.error(new Error('aborted')) });

    const answer = await app.request('/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    });

    expect(answer.status).toBe(422);
    expect(ports.log.events()).not.toContain('http:failed');
  });

  it('that is no UTF-8 is refused', async () => {
    const answer = await httpHome().app.request('/uploads', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x7b, 0xff, 0x7d]),
    });

    expect(answer.status).toBe(422);
  });

  it('may hold escapes, nested objects and equal names in different objects', async () => {
    const { parseJsonText } = await import('../../../adapters/http-app/json-text.ts');
    const text = '{"a":{"x":"{\\"x\\":1}"},"b":[{"x":1},{"x":2}],"c":"a:"}';

    expect(parseJsonText(text)).toEqual(JSON.parse(text));
    expect(() => parseJsonText('{"b":[{"x":1,"\\u0078":2}]}')).toThrow(/"x" twice/);
  });
});

describe('an upload that the service cannot take', () => {
  it('is refused with 413 when it is larger than is ever taken', async () => {
    const { call } = httpHome({ limits: { maxUploadBytes: 5 } });

    const answer = await call('POST /uploads', file);

    expect(answer.status).toBe(413);
    expect((await answerOf<ProblemSeen>(answer)).detail).toContain('6 bytes');
  });
});
