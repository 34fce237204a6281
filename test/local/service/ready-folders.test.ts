import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { IngestFolder, type DroppedFile } from '../../../local/service/ingest-folder.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const REST_MS = 30;
/** A drop box that takes everything, or refuses it. */
function dropBox(refusal: HpbError | null = null, meanwhile: (folder: string) => void = () => undefined) {
  const root = tempFolder();
  const [folder, rejected] = [join(root, 'ingest'), join(root, 'ingest-rejected')];
  for (const path of [folder, rejected]) mkdirSync(path);
  const taken: DroppedFile[] = [];
  const box = new IngestFolder({
    folder,
    rejected,
    log: memoryLog(),
    restMs: REST_MS,
    isFinal: ({ blame }) => blame === 'caller',
    take: async (file) => {
      taken.push(file);
      meanwhile(folder);
      if (refusal !== null) throw refusal;
    },
  });
  const rest = async (): Promise<void> => {
    await box.look();
    await sleep(REST_MS + 5);
    await box.look();
  };
  const drop = (...names: readonly string[]): void => {
    for (const name of names) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), name);
    }
  };
  const left = (): readonly string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return { folder, rejected, taken, rest, drop, left };
}

const namesOf = ({ members = [] }: DroppedFile): readonly string[] => members.map(({ name }) => name);

describe('a folder in the ingest folder', () => {
  it('is left alone until _READY is in it, then taken as one and removed', async () => {
    const { taken, rest, drop, left } = dropBox();
    drop('study/two/raw.nii.gz', 'study/one.nii.gz');
    await rest();
    expect(taken).toEqual([]);

    drop('study/_READY');
    await rest();
    await rest();

    expect(taken.map(({ name }) => name)).toEqual(['study']);
    expect(namesOf(taken[0]!)).toEqual(['one.nii.gz', 'two/raw.nii.gz']);
    expect(left()).toEqual([]);
  });

  it('may lie in the folder of a sender, which stays while others are in it', async () => {
    const { taken, rest, drop, left } = dropBox();
    drop('clinic/a/x.nii.gz', 'clinic/a/_READY', 'clinic/b/y.nii.gz');

    await rest();

    expect(taken.map(({ name }) => name)).toEqual(['clinic/a']);
    expect(left()).toEqual(['clinic', 'clinic/b', 'clinic/b/y.nii.gz']);
  });

  it('is taken as a whole though its mark came before the rest, as when it is copied with it', async () => {
    const { taken, rest, drop, left } = dropBox();
    drop('study/_READY', 'study/x.nii.gz', 'study/y.nii.gz');

    await rest();

    expect(taken.map(namesOf)).toEqual([['x.nii.gz', 'y.nii.gz']]);
    expect(left()).toEqual([]);
  });

  it('keeps what came while it was taken, what is not finished, and archives', async () => {
    const late = (box: string): void => writeFileSync(join(box, 'study', 'late.nii.gz'), 'late');
    const { folder, taken, rest, drop, left } = dropBox(null, late);
    drop('study/x.nii.gz', 'study/y.nii.gz.part', 'study/z.zip', 'study/_READY');
    execFileSync('mkfifo', [join(folder, 'study', 'pipe')]);

    await rest();
    await rest();

    expect(taken.map(namesOf)).toEqual([['x.nii.gz']]);
    expect(left()).toEqual([
      'study',
      'study/late.nii.gz',
      'study/pipe',
      'study/y.nii.gz.part',
      'study/z.zip',
    ]);
  });

  it('is taken once more when a file of it has changed while it was taken', async () => {
    let changed = false;
    const { taken, rest, drop, left } = dropBox(null, (folder) => {
      if (!changed) appendFileSync(join(folder, 'study', 'x.nii.gz'), ' and more');
      changed = true;
    });
    drop('study/x.nii.gz', 'study/_READY');

    await rest();
    await rest();

    expect(taken).toHaveLength(2);
    expect(left()).toEqual([]);
  });

  it('that cannot be used is moved aside whole, with the reason beside it', async () => {
    const refusal = new HpbError('ARCHIVE_NO_CASES', 'No case.', { remedy: 'Send some.' });
    const { taken, rejected, rest, drop, left } = dropBox(refusal);
    drop('clinic/a/x.txt', 'clinic/a/_READY');

    await rest();
    await rest();

    expect(taken).toHaveLength(1);
    expect(left()).toEqual(['clinic']);
    expect(existsSync(join(rejected, 'clinic-a', 'x.txt'))).toBe(true);
    expect(JSON.parse(readFileSync(join(rejected, 'clinic-a.reason.json'), 'utf8'))).toMatchObject({
      code: 'ARCHIVE_NO_CASES',
    });
  });
});
