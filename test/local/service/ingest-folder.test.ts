import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HpbError, type ErrorCode } from '../../../core/errors.ts';
import { IngestFolder, type DroppedFile } from '../../../local/service/ingest-folder.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { becomeNobody } from '../../fixtures/nobody.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const REST_MS = 30;

async function dropBox(take: (file: DroppedFile) => Promise<void> = () => Promise.resolve()) {
  const root = tempFolder();
  const [folder, rejected] = [join(root, 'ingest'), join(root, 'ingest-rejected')];
  mkdirSync(folder);
  mkdirSync(rejected);
  const taken: DroppedFile[] = [];
  const log = memoryLog();
  const box = new IngestFolder({
    folder,
    rejected,
    log,
    restMs: REST_MS,
    isFinal: ({ blame }) => blame === 'caller',
    take: async (file) => {
      taken.push(file);
      await take(file);
    },
  });
  const rest = async (): Promise<void> => {
    await box.look();
    await sleep(REST_MS + 5);
    await box.look();
  };
  return { box, folder, rejected, taken, log, rest };
}

describe('a file dropped into the ingest folder', () => {
  it('is taken when it has come to rest, and removed', async () => {
    const { box, folder, taken, rest } = await dropBox();
    writeFileSync(join(folder, 'Müller cases.zip'), 'PK');

    await box.look();
    expect(taken).toEqual([]);
    await rest();

    expect(taken.map(({ name, bytes }) => ({ name, bytes }))).toEqual([
      { name: 'Müller cases.zip', bytes: 2 },
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not taken while it grows', async () => {
    const { box, folder, taken } = await dropBox();
    const path = join(folder, 'cases.zip');
    writeFileSync(path, 'PK');

    for (let round = 0; round < 3; round++) {
      await box.look();
      appendFileSync(path, 'more');
      await sleep(REST_MS + 5);
    }

    expect(taken).toEqual([]);
  });

  it.each(['taken', 'refused'])(
    'stays, and is taken next, when it takes the place of one that is being %s',
    async (end) => {
      const contents: string[] = [];
      const { folder, rejected, rest } = await dropBox(({ path }) => {
        contents.push(readFileSync(path, 'utf8'));
        if (contents.length > 1) return Promise.resolve();
        writeFileSync(join(folder, 'new.tmp'), 'the new one');
        renameSync(join(folder, 'new.tmp'), path);
        const error = new HpbError('ARCHIVE_UNREADABLE', 'Bad.', { remedy: 'Mend.' });
        return end === 'taken' ? Promise.resolve() : Promise.reject(error);
      });
      writeFileSync(join(folder, 'cases.zip'), 'the old one');

      await rest();
      expect([readdirSync(folder), readdirSync(rejected)]).toEqual([['cases.zip'], []]);
      await rest();

      expect(contents).toEqual(['the old one', 'the new one']);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('under the name of something unfinished is left alone, and so is a folder', async () => {
    const { folder, taken, rest } = await dropBox();
    for (const name of ['.hidden', 'cases.zip.part', 'cases.tmp']) writeFileSync(join(folder, name), 'x');
    mkdirSync(join(folder, 'folder'));

    await rest();

    expect(taken).toEqual([]);
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it('that is bad leaves an earlier bad one of its name, and its reason, as they are', async () => {
    let reason = 'first';
    const { folder, rejected, rest } = await dropBox(() => {
      throw new HpbError('ARCHIVE_NO_CASES', reason, { remedy: 'None.' });
    });
    for (reason of ['first', 'second', 'third']) {
      writeFileSync(join(folder, 'cases.zip'), reason);
      await rest();
    }

    const kept = ['cases.zip', 'cases.zip.2', 'cases.zip.3'].map((name) => [
      readFileSync(join(rejected, name), 'utf8'),
      (JSON.parse(readFileSync(join(rejected, `${name}.reason.json`), 'utf8')) as { message: string })
        .message,
    ]);
    expect(kept).toEqual([
      ['first', 'first'],
      ['second', 'second'],
      ['third', 'third'],
    ]);
  });

  it('that is bad goes to the rejected ones with the reason beside it', async () => {
    const { folder, rejected, rest } = await dropBox(() => {
      throw new HpbError('ARCHIVE_NO_CASES', 'The archive holds no case.', { remedy: 'Put cases in.' });
    });
    writeFileSync(join(folder, 'cases.zip'), 'PK');

    await rest();

    expect(readFileSync(join(rejected, 'cases.zip'), 'utf8')).toBe('PK');
    expect(JSON.parse(readFileSync(join(rejected, 'cases.zip.reason.json'), 'utf8'))).toMatchObject({
      code: 'ARCHIVE_NO_CASES',
      remedy: 'Put cases in.',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stays where it is when the service cannot take it now, and is tried again', async () => {
    let full = true;
    const { box, folder, taken, rest } = await dropBox(() => {
      if (full) throw new HpbError('DISK_FULL', 'No space.', { remedy: 'Make some.' });
      return Promise.resolve();
    });
    writeFileSync(join(folder, 'cases.zip'), 'PK');

    await rest();
    expect(existsSync(join(folder, 'cases.zip'))).toBe(true);
    full = false;
    await box.look();

    expect(taken[0]!.version).toBe(taken[1]!.version);
    expect(existsSync(join(folder, 'cases.zip'))).toBe(false);
  });

  it.each([
    ['two bytes each', 'ä'.repeat(123)],
    ['one byte each', 'x'.repeat(251)],
  ])(
    'that is bad, of a name as long as names can be (letters of %s), goes to the rejected ones and holds nobody up',
    async (_, stem) => {
      const { folder, rejected, taken, rest } = await dropBox(({ name }) => {
        if (name.endsWith('.txt')) throw new HpbError('ARCHIVE_UNREADABLE', 'Bad.', { remedy: 'Mend.' });
        return Promise.resolve();
      });
      for (const content of ['first', 'second']) {
        writeFileSync(join(folder, `${stem}.txt`), content);
        writeFileSync(join(folder, `ö${content}.zip`), 'PK');
        await rest();
      }

      expect(readdirSync(folder)).toEqual([]);
      expect(taken.filter(({ name }) => name.endsWith('.zip'))).toHaveLength(2);
      const kept = readdirSync(rejected).filter((name) => !name.endsWith('.reason.json'));
      expect(kept.map((name) => readFileSync(join(rejected, name), 'utf8')).sort()).toEqual([
        'first',
        'second',
      ]);
      for (const name of kept) expect(existsSync(join(rejected, `${name}.reason.json`))).toBe(true);
    },
  );

  it('that is a link, wherever it leads, is offered as well, and goes with its reason when it is refused', async () => {
    const { folder, rejected, rest } = await dropBox(() => {
      throw new HpbError('INPUT_UNREADABLE', 'It is a link.', { remedy: 'Copy the file.' });
    });
    writeFileSync(join(folder, '..', 'ct'), 'voxels');
    symlinkSync('../ct', join(folder, 'a.nii.gz'));
    symlinkSync('nowhere', join(folder, 'b.nii.gz'));

    await rest();

    expect(readdirSync(folder)).toEqual([]);
    expect(readdirSync(rejected)).toEqual(
      ['a', 'b'].flatMap((name) => [`${name}.nii.gz`, `${name}.nii.gz.reason.json`]),
    );
    expect(readFileSync(join(folder, '..', 'ct'), 'utf8')).toBe('voxels');
  });

  it.each([
    ['Mu\xfcller.zip', 'Muüller.zip'],
    [`${'\xe4'.repeat(200)}.zip`, `${'_'.repeat(200)}.zip`],
  ])('under a name that is no UTF-8 is taken under one that is: %j', async (latin1, name) => {
    const { box, folder, taken, rest } = await dropBox();
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(latin1, 'latin1')]), 'PK');

    await box.look();
    expect(readdirSync(folder)).not.toContain(name);
    await sleep(REST_MS + 5);
    await rest();

    expect(taken.map((file) => file.name)).toEqual([name]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that can neither be taken nor be moved holds nobody up', async () => {
    const { folder, rejected, taken, rest } = await dropBox(({ name }) => {
      if (name.startsWith('a')) throw new HpbError('ARCHIVE_UNREADABLE', 'Bad.', { remedy: 'Mend.' });
      return Promise.resolve();
    });
    rmdirSync(rejected);
    for (const name of ['a.zip', 'b.zip']) writeFileSync(join(folder, name), 'PK');

    await rest();

    expect(taken.map(({ name }) => name)).toEqual(['a.zip', 'b.zip']);
    expect(readdirSync(folder)).toEqual(['a.zip']);
  });

  it('that cannot be removed is taken once, not in every round', async () => {
    const { box, folder, taken, log, rest } = await dropBox();
    const path = join(folder, 'cases.zip');
    writeFileSync(path, 'PK');
    chmodSync(join(folder, '..'), 0o755);
    chmodSync(folder, 0o555);
    const again = becomeNobody();

    await rest();
    for (let round = 0; round < 3; round++) await box.look();
    again();

    expect(taken).toHaveLength(1);
    expect(log.lines.map(({ fields }) => fields['code'])).toEqual(['OUTPUT_UNWRITABLE']);
    chmodSync(folder, 0o755);
    await box.look();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that stays is told of in the log, once for each reason, without its name', async () => {
    let code: ErrorCode = 'DISK_FULL';
    const { box, folder, log, rest } = await dropBox(() => {
      throw new HpbError(code, 'Not now.', { remedy: 'Wait.' });
    });
    writeFileSync(join(folder, 'Doe^Jane.zip'), 'PK');

    await rest();
    await box.look();
    code = 'STORE_UNAVAILABLE';
    for (let round = 0; round < 3; round++) await box.look();

    const told = log.lines.filter(({ event }) => event === 'ingest:failed');
    expect(told.map(({ fields }) => fields?.['code'])).toEqual(['DISK_FULL', 'STORE_UNAVAILABLE']);
    expect(JSON.stringify(told)).not.toContain('Doe');
  });

  it('is found by itself once the box watches', async () => {
    const { box, folder, taken } = await dropBox();
    await box.start(10);
    writeFileSync(join(folder, 'cases.zip'), 'PK');

    await expect.poll(() => taken.length, { timeout: 5000 }).toBe(1);
    await box.stop();

    expect(readdirSync(folder)).toEqual([]);
  });
});
