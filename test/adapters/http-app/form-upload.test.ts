import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { uploadInputKey } from '../../../core/layout.ts';
import { readRequest } from '../../../core/use-cases/job-request.ts';
import { CT, ends, formOf, onlyJob, post } from './form-home.ts';
import { httpHome } from './http-home.ts';

describe('an upload of a form', () => {
  it.each([
    [0, 200],
    [1, 413],
  ])('of %i bytes more than are taken is answered %i', async (more, status) => {
    const home = httpHome({ limits: { maxUploadBytes: CT.length - more } });
    ends(home, 'SUCCEEDED');

    const answer = await post(home, '/segment/both', formOf({}));

    expect(answer.status).toBe(status);
    if (status === 413) expect(home.ports.store.keys()).toEqual([]);
  });

  it('is not kept when there can be no job of it', async () => {
    const home = httpHome({ limits: { maxActiveJobs: 1 } });
    await home.submit();
    const before = home.ports.store.keys();

    const answer = await post(home, '/segment/both', formOf({}));

    expect(answer.status).toBe(429);
    expect(home.ports.store.keys()).toEqual(before);
  });

  it('is kept when its job may be there although the start of it went wrong', async () => {
    const home = httpHome();
    home.ports.executions.beforeStart = () => {
      throw new HpbError('STORE_UNAVAILABLE', 'Not now.', { remedy: 'Later.' });
    };

    const answer = await post(home, '/segment/both', formOf({}));

    expect(answer.status).toBe(503);
    const { inputKey } = await readRequest(home.ports.store, await onlyJob(home));
    expect(home.ports.store.keys()).toContain(inputKey);
  });

  it('lies where every upload lies', async () => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');

    await post(home, '/segment/both', formOf({}));

    const { uploadId, inputKey } = await readRequest(home.ports.store, await onlyJob(home));
    expect(inputKey).toBe(uploadInputKey(uploadId));
    expect((await home.call(`POST /uploads/${uploadId}/complete`)).status).toBe(200);
  });
});
