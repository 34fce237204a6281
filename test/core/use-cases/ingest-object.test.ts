import { describe, expect, it } from 'vitest';
import { INGEST_REJECTED_PREFIX } from '../../../core/layout.ts';
import { failJob } from '../../../core/use-cases/fail-job.ts';
import { ingestObject, type DroppedObject } from '../../../core/use-cases/ingest-object.ts';
import { purgeJob } from '../../../core/use-cases/purge-job.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { submittedJob } from '../../fakes/stored-job.ts';

async function drop(ports: ServiceFakes, name = 'clinic/cases.zip', body = 'bytes'): Promise<DroppedObject> {
  const { key, bytes, tag } = await ports.store.put(`ingest/${name}`, body);
  return { key, bytes, tag };
}

describe('a dropped object', () => {
  it.each([
    ['cases.zip', true],
    ['cases.TAR.GZ', true],
    ['scan.nii.gz', false],
  ])('%s becomes a job and leaves the folder', async (name, batch) => {
    const ports = serviceFakes();

    const answer = await ingestObject(ports, await drop(ports, name));

    const [job] = [...ports.index.jobs.values()];
    expect(answer).toEqual({ jobId: job!.jobId });
    expect(job!.batch).toBe(batch);
    expect(ports.store.keys('ingest/')).toEqual([]);
    expect(ports.executions.started).toHaveLength(1);
  });

  it('is one job however often its event comes', async () => {
    const ports = serviceFakes();
    const dropped = await drop(ports);
    const first = await ingestObject(ports, dropped);

    expect(await ingestObject(ports, dropped)).toEqual(first);
    expect(await ingestObject(ports, { ...dropped, tag: `"${dropped.tag}"` })).toEqual(first);
    expect(ports.index.jobs.size).toBe(1);
  });

  it('whose job failed is not run again by a late event', async () => {
    const ports = serviceFakes();
    const dropped = await drop(ports);
    await ingestObject(ports, dropped);
    const [job] = [...ports.index.jobs.values()];
    await failJob(ports, { jobId: job!.jobId, attempt: 1, failure: { Error: 'X' } });

    await ingestObject(ports, dropped);

    expect(ports.index.jobs.get(job!.jobId)).toMatchObject({ state: 'FAILED', attempt: 1 });
  });

  it('of the same name with other bytes is another job', async () => {
    const ports = serviceFakes();
    await ingestObject(ports, await drop(ports));
    await ingestObject(ports, await drop(ports, 'clinic/cases.zip', 'others'));

    expect(ports.index.jobs.size).toBe(2);
  });

  it('is one job after a crash at any write', async () => {
    for (let n = 1; n <= 8; n += 1) {
      const ports = serviceFakes();
      const dropped = await drop(ports);
      let writes = 0;
      let dies = true;
      const die = (): void => {
        if (dies && ++writes === n) throw new Error('the process died');
      };
      ports.store.beforeWrite = die;
      ports.index.beforeWrite = die;
      ports.executions.beforeStart = die;
      await ingestObject(ports, dropped).catch(() => undefined);
      dies = false;

      const answer = await ingestObject(ports, dropped);

      expect(answer).toEqual({ jobId: [...ports.index.jobs.keys()][0] });
      expect(ports.index.jobs.size).toBe(1);
      expect(ports.executions.started).toHaveLength(1);
    }
  });

  it.each([
    ['report.pdf', 'x', 'REQUEST_TYPE_UNSUPPORTED'],
    ['cases.zip', '', 'INPUT_UNREADABLE'],
  ])('%s with the bytes "%s" is put aside with the reason: %s', async (name, body, code) => {
    const ports = serviceFakes();

    const answer = await ingestObject(ports, await drop(ports, name, body));

    expect(answer).toMatchObject({ rejected: { code } });
    const keys = ports.store.keys();
    expect(keys).toHaveLength(2);
    expect(keys.every((key) => key.startsWith(INGEST_REJECTED_PREFIX) && !key.includes(name))).toBe(true);
    expect(JSON.stringify(ports.log.lines)).not.toContain(name);
  });

  it.each(['clinic/', '.DS_Store', 'cases.zip.part'])('%s is left alone', async (name) => {
    const ports = serviceFakes();

    expect(await ingestObject(ports, await drop(ports, name))).toHaveProperty('ignored');
    expect(ports.store.keys()).toEqual([`ingest/${name}`]);
  });

  it('that was replaced before its event came waits for the event of the new one', async () => {
    const ports = serviceFakes();
    const old = await drop(ports);
    await drop(ports);

    expect(await ingestObject(ports, old)).toHaveProperty('ignored');
    expect(ports.store.keys()).toEqual(['ingest/clinic/cases.zip']);
  });

  it.each(['other', 'longer than it'])(
    'that is replaced by %s while it is taken is no job, the new one is',
    async (body) => {
      const ports = serviceFakes();
      const first = await drop(ports, 'clinic/cases.zip', 'bytes');
      const copy = ports.store.copy.bind(ports.store);
      let second: DroppedObject | undefined;
      ports.store.copy = async (from, to) => {
        second ??= await drop(ports, 'clinic/cases.zip', body);
        return copy(from, to);
      };

      expect(await ingestObject(ports, first)).toHaveProperty('ignored');
      expect(await ingestObject(ports, second!)).toHaveProperty('jobId');
      expect(ports.index.jobs.size).toBe(1);
      expect(ports.store.keys('ingest')).toEqual([]);
      expect(ports.store.keys('uploads/').filter((key) => key.endsWith('/upload.json'))).toHaveLength(1);
    },
  );

  it('whose event comes twice at once keeps the bytes of its job', async () => {
    const ports = serviceFakes();
    const dropped = await drop(ports);
    const copy = ports.store.copy.bind(ports.store);
    let other: unknown;
    ports.store.copy = async (from, to) => {
      ports.store.copy = copy;
      const facts = await copy(from, to);
      // The other one is done with it before this one goes on.
      other = await ingestObject(ports, dropped);
      return facts;
    };

    expect(await ingestObject(ports, dropped)).toEqual(other);
    expect(ports.index.jobs.size).toBe(1);
    expect(ports.store.keys('uploads/').filter((key) => key.endsWith('/input'))).toHaveLength(1);
  });

  it('stays while too many jobs are active, for its event to be delivered again', async () => {
    const ports = serviceFakes({ maxActiveJobs: 1 });
    const jobId = await submittedJob(ports);
    const dropped = await drop(ports);

    await expect(ingestObject(ports, dropped)).rejects.toMatchObject({ code: 'TOO_MANY_JOBS' });
    expect(ports.store.keys('ingest/')).toHaveLength(1);
    await purgeJob(ports, jobId);

    expect(await ingestObject(ports, dropped)).toHaveProperty('jobId');
  });
});

describe('a dropped folder', () => {
  async function folder(ports: ServiceFakes, mark = '_READY'): Promise<DroppedObject> {
    await drop(ports, 'clinic/night 1/a.nii.gz');
    await drop(ports, 'clinic/night 1/sub/b.nii.gz');
    return drop(ports, `clinic/night 1/${mark}`, '');
  }

  it.each(['_READY', 'manifest.json'])('becomes one batch when %s comes, and leaves', async (mark) => {
    const ports = serviceFakes();
    const dropped = await folder(ports, mark);

    const answer = await ingestObject(ports, dropped);
    expect(await ingestObject(ports, dropped)).toEqual(answer);

    expect([...ports.index.jobs.values()]).toMatchObject([{ batch: true }]);
    expect(ports.bundler.bundled[0]!.members.map(({ name }) => name)).toEqual(['a.nii.gz', 'sub/b.nii.gz']);
    expect(ports.store.keys('ingest/')).toEqual([]);
  });

  it.each([
    ['together', '_READY last', ['manifest.json', '_READY']],
    ['together', 'manifest.json last', ['_READY', 'manifest.json']],
    ['one after the other', '_READY last', ['manifest.json', '_READY']],
    ['one after the other', 'manifest.json last', ['_READY', 'manifest.json']],
  ] as const)('with both marks is one batch; their events come %s, %s', async (how, _order, names) => {
    const ports = serviceFakes();
    await drop(ports, 'clinic/night 1/a.nii.gz');
    const marks: DroppedObject[] = [];
    for (const name of names) {
      ports.time.now += 1_000;
      marks.push(await drop(ports, `clinic/night 1/${name}`, ''));
    }

    if (how === 'together') await Promise.all(marks.map((mark) => ingestObject(ports, mark)));
    else for (const mark of marks) await ingestObject(ports, mark);

    expect(ports.index.jobs.size).toBe(1);
    expect(ports.store.keys('ingest')).toEqual([]);
  });

  it('waits for its mark, file by file', async () => {
    const ports = serviceFakes();

    expect(await ingestObject(ports, await drop(ports, 'clinic/night 1/a.nii.gz'))).toHaveProperty('ignored');
    expect(ports.index.jobs.size).toBe(0);
  });

  it('leaves to the next mark what came after this one', async () => {
    const ports = serviceFakes();
    const dropped = await folder(ports);
    ports.time.now += 5_000;
    await drop(ports, 'clinic/night 1/late.nii.gz');

    await ingestObject(ports, dropped);

    expect(ports.bundler.bundled[0]!.members).toHaveLength(2);
    expect(ports.store.keys('ingest/')).toEqual(['ingest/clinic/night 1/late.nii.gz']);
  });

  it('without files is put aside', async () => {
    const ports = serviceFakes();

    const answer = await ingestObject(ports, await drop(ports, 'clinic/night 1/_READY', ''));

    expect(answer).toMatchObject({ rejected: { code: 'INPUT_UNREADABLE' } });
  });

  it('is one job after a crash at any write, and loses no file', async () => {
    for (let n = 1; n <= 11; n += 1) {
      const ports = serviceFakes();
      const dropped = await folder(ports);
      let writes = 0;
      let dies = true;
      const die = (): void => {
        if (dies && ++writes === n) throw new Error('the process died');
      };
      ports.store.beforeWrite = die;
      ports.index.beforeWrite = die;
      ports.executions.beforeStart = die;
      await ingestObject(ports, dropped).catch(() => undefined);
      dies = false;

      await ingestObject(ports, dropped);

      expect(ports.index.jobs.size).toBe(1);
      expect(ports.executions.started).toHaveLength(1);
      expect(ports.bundler.bundled.at(-1)!.members).toHaveLength(2);
      expect(ports.store.keys('ingest/')).toEqual([]);
    }
  });
});
