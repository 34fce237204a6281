import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, vi } from 'vitest';
import { packCases } from '../../cli/transfer/pack-cases.ts';
import { copyToS3, parseS3Folder } from '../../cli/transfer/s3-folder.ts';
import { unpackResult } from '../../cli/transfer/unpack-result.ts';
import { openUploadRecords, uploadKey } from '../../cli/transfer/upload-records.ts';
import { writeZip } from '../../adapters/zip-archive.ts';
import { clientOptions, ministack, uniqueName } from '../fixtures/emulators.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** A folder with two cases. */
function twoCases(): string {
  const folder = tempFolder();
  for (const name of ['a', 'b']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'raw.nii.gz'), name);
  }
  return folder;
}

describe('a packed folder', () => {
  it('is the same archive at the same place as long as nothing changes', async () => {
    const folder = twoCases();
    const work = tempFolder();

    const first = await packCases(folder, work);
    const bytes = readFileSync(first.path);
    const second = await packCases(folder, work);
    const elsewhere = await packCases(folder, tempFolder());

    expect(second).toEqual(first);
    expect(readFileSync(elsewhere.path).equals(bytes)).toBe(true);
  });

  it('is another archive when a CT was written again', async () => {
    const folder = twoCases();
    const work = tempFolder();
    const first = await packCases(folder, work);
    utimesSync(join(folder, 'a', 'raw.nii.gz'), 1, 1);

    expect((await packCases(folder, work)).path).not.toBe(first.path);
  });

  it('does not take in a CT that changes while it is packed', async () => {
    const folder = twoCases();
    const work = tempFolder();
    const ct = join(folder, 'b', 'raw.nii');
    writeFileSync(ct, randomBytes(20_000_000));
    const packing = packCases(folder, work);
    packing.catch(() => undefined);
    await vi.waitUntil(() => readdirSync(work).some((name) => name.endsWith('.partial')), { interval: 1 });
    utimesSync(ct, 1, 1);

    await expect(packing).rejects.toMatchObject({ code: 'INPUT_VANISHED' });
    expect(readdirSync(work)).toEqual([]);
  });

  it.each([
    ['a link that leads nowhere', 'nowhere', 'INPUT_NOT_FOUND'],
    ['a link to a folder', '.', 'INPUT_UNREADABLE'],
  ])('names %s as what cannot be packed', async (_, target, code) => {
    const folder = twoCases();
    symlinkSync(target, join(folder, 'b', 'linked.nii'));

    await expect(packCases(folder, tempFolder())).rejects.toMatchObject({
      code,
      message: expect.stringContaining('b/linked.nii'),
    });
  });

  it('needs a CT', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, '1.dcm'), 'x');

    await expect(packCases(folder, tempFolder())).rejects.toMatchObject({
      code: 'ARCHIVE_NO_CASES',
      remedy: expect.stringContaining('dcm2niix'),
    });
  });
});

const namesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort((a, b) => (a < b ? -1 : 1));

describe('a fetched archive', () => {
  it('takes the place of what an earlier one was unpacked to', async () => {
    const folder = tempFolder();
    const zip = join(folder, 'scan_results.zip');
    mkdirSync(join(folder, 'scan_results', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'scan_results', 'deep', 'new.txt'), 'old');
    writeFileSync(join(folder, 'source'), 'new');
    await writeZip(zip, [
      { name: 'deep/new.txt', path: join(folder, 'source') },
      { name: 'more.txt', path: join(folder, 'source') },
    ]);

    expect(await unpackResult(zip)).toBe(join(folder, 'scan_results'));
    expect(namesBelow(join(folder, 'scan_results'))).toEqual(['deep', join('deep', 'new.txt'), 'more.txt']);
    expect(readFileSync(join(folder, 'scan_results', 'deep', 'new.txt'), 'utf8')).toBe('new');
  });

  it('leaves a folder alone that holds something else', async () => {
    const folder = tempFolder();
    const zip = join(folder, 'scan_results.zip');
    mkdirSync(join(folder, 'scan_results'));
    writeFileSync(join(folder, 'scan_results', 'notes.txt'), 'mine');
    writeFileSync(join(folder, 'source'), 'new');
    await writeZip(zip, [{ name: 'new.txt', path: join(folder, 'source') }]);

    await expect(unpackResult(zip)).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: expect.stringContaining('notes.txt'),
    });
    expect(namesBelow(join(folder, 'scan_results'))).toEqual(['notes.txt']);
  });

  it.each([
    ['a changed byte', (zip: Buffer) => void (zip[60] = zip[60]! ^ 1)],
    ['a name that leads outside', (zip: Buffer) => rename(zip, 'aa/new.txt', '../new.txt')],
    ['no archive at all', (zip: Buffer) => void zip.fill(0)],
  ])('with %s leaves nothing behind', async (_, damage) => {
    const folder = tempFolder();
    const inner = join(folder, 'inner');
    mkdirSync(inner);
    writeFileSync(join(folder, 'source'), randomBytes(100));
    const zip = join(inner, 'scan_results.zip');
    await writeZip(zip, [{ name: 'aa/new.txt', path: join(folder, 'source') }]);
    const bytes = readFileSync(zip);
    damage(bytes);
    writeFileSync(zip, bytes);

    await expect(unpackResult(zip)).rejects.toMatchObject({ code: 'OBJECT_CHECKSUM_MISMATCH' });
    expect(readdirSync(inner)).toEqual(['scan_results.zip']);
    expect(readdirSync(folder).sort()).toEqual(['inner', 'source']);
  });
});

/** Renames a member everywhere; both names are of one length. */
function rename(zip: Buffer, from: string, to: string): void {
  for (let at = zip.indexOf(from); at >= 0; at = zip.indexOf(from, at + 1)) zip.write(to, at, 'latin1');
}

describe('a place in S3', () => {
  it.each([
    ['s3://bucket', { bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { bucket: 'bucket', prefix: '' }],
    ['s3://bucket/a/b', { bucket: 'bucket', prefix: 'a/b/' }],
    ['a/b/', { bucket: 'mine', prefix: 'a/b/' }],
  ])('is read from %s', (text, folder) => {
    expect(parseS3Folder(text, 'mine')).toEqual(folder);
  });

  it('has to name a bucket when there is no HPB_S3_BUCKET', () => {
    expect(() => parseS3Folder('a/b', undefined)).toThrow(/names no place in S3/);
    expect(() => parseS3Folder('https://bucket/a', 'mine')).toThrow(/names no place in S3/);
  });

  it('receives a file, and says why it does not', async () => {
    const options = clientOptions(await ministack());
    vi.stubEnv('AWS_ENDPOINT_URL_S3', options.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    const client = new S3Client({ ...options, forcePathStyle: true });
    const bucket = uniqueName('results');
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const file = join(tempFolder(), 'results.zip');
    const body = randomBytes(6_000_000);
    writeFileSync(file, body);
    const copy = { region: 'us-east-1', signal: new AbortController().signal };

    const url = await copyToS3(file, { bucket, prefix: 'a/' }, 'j-1/results.zip', copy);
    const lost = await copyToS3(file, { bucket: uniqueName('nowhere'), prefix: '' }, 'k', copy).catch(
      (error: unknown) => error,
    );

    expect(url).toBe(`s3://${bucket}/a/j-1/results.zip`);
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/j-1/results.zip' }));
    expect(body.equals(await Body!.transformToByteArray())).toBe(true);
    expect(lost).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      details: { reason: 'NoSuchBucket' },
    });
    vi.unstubAllEnvs();
  });
});

describe('the record of a submission', () => {
  it('is found again for the same file and service, and holds no name', async () => {
    const folder = tempFolder();
    const file = join(folder, 'Doe^Jane.nii.gz');
    writeFileSync(file, 'x');
    const records = await openUploadRecords(join(folder, 'records'));
    const key = await uploadKey(file, 'http://a');
    const record = await records.load(key);
    await records.save(key, { ...record, uploadId: 'u-0123456789ab' });

    expect(await records.load(await uploadKey(file, 'http://a'))).toEqual({
      ...record,
      uploadId: 'u-0123456789ab',
    });
    expect((await records.load(await uploadKey(file, 'http://b'))).uploadId).toBeNull();
    const [stored] = readdirSync(join(folder, 'records'));
    expect(stored + readFileSync(join(folder, 'records', stored!), 'utf8')).not.toContain('Doe');
  });

  it('is a new one when the file has changed, or the record is damaged', async () => {
    const folder = tempFolder();
    const file = join(folder, 'ct.nii.gz');
    writeFileSync(file, 'x');
    const records = await openUploadRecords(folder);
    const key = await uploadKey(file, 'http://a');
    writeFileSync(join(folder, `${key}.json`), '{');
    writeFileSync(file, 'longer');

    expect(await uploadKey(file, 'http://a')).not.toBe(key);
    expect((await records.load(key)).uploadId).toBeNull();
  });
});
