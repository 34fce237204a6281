import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { keySigner } from '../../../adapters/key-signer.ts';
import { writeZip } from '../../../adapters/zip-archive.ts';
import type { ResultPlaces } from '../../../local/result-places.ts';
import { hpb, type CommandResult } from '../../fixtures/hpb-command.ts';
import { publishedBatch } from '../../fixtures/published-batch.ts';
import { resultFolder } from '../../fixtures/result-folder.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

let folder: string;
let places: ResultPlaces;

beforeEach(async () => {
  folder = tempFolder();
  places = await resultFolder(join(folder, 'out'));
});

/** What `hpb verify` found wrong with each case: what and name. */
function problemsIn({ stdout }: CommandResult): (string[] | null)[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { ok: boolean; problems: { what: string; name: string }[] })
    .map(({ ok, problems }) => (ok ? null : problems.map(({ what, name }) => `${what} ${name}`)));
}

describe('hpb verify', () => {
  it('passes a result as it came, packed and unpacked', async () => {
    const [zip, unpacked] = [await hpb(['verify', places.zip]), await hpb(['verify', places.folder])];

    expect([zip.code, unpacked.code], zip.stderr + unpacked.stderr).toEqual([0, 0]);
    expect(zip.stdout).toMatch(/^ok: \d+ files as the receipt says, not signed\n {2}content [0-9a-f]{64}$/m);
    expect(unpacked.stdout).toBe(zip.stdout);
  });

  it('ends with 5 and says which file was changed, removed or added', async () => {
    appendFileSync(join(places.folder, 'liver.nii.gz'), ' ');
    rmSync(join(places.folder, 'previews', 'axial.png'));
    renameSync(join(places.folder, 'run.json'), join(places.folder, 'other.json'));

    const result = await hpb(['verify', places.folder, '--json']);

    expect(result.code).toBe(5);
    expect(problemsIn(result)).toEqual([
      ['changed liver.nii.gz', 'missing previews/axial.png', 'missing run.json', 'unexpected other.json'],
    ]);
  });

  it('prints nothing that a terminal would obey, whatever a file in the result is called', async () => {
    writeFileSync(join(places.folder, 'x\u001b[2J\u202eok'), '');

    const { code, stdout } = await hpb(['verify', places.folder]);

    expect(code).toBe(5);
    expect(stdout).toContain('unexpected: x\ufffd[2J\ufffdok');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\u202e');
  });

  it.each([
    ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a folder elsewhere', (path: string) => symlinkSync(tempFolder(), path)],
    ['nothing', (path: string) => symlinkSync('/no/such/file', path)],
  ])('refuses a folder with %s in it, and says where', async (_, make) => {
    make(join(places.folder, 'previews', 'strange'));

    const { code, stderr } = await hpb(['verify', places.folder]);

    expect(code).toBe(2);
    expect(stderr).toContain('previews/strange');
    expect(stderr).toContain('Code: RESULT_UNREADABLE');
  });

  it('holds a result against the CT that it should be of', async () => {
    const ct = join(folder, 'other.nii.gz');
    cpSync(join(places.folder, 'liver.nii.gz'), ct);

    const result = await hpb(['verify', places.folder, '--ct', ct, '--json']);

    expect(result.code).toBe(5);
    expect(problemsIn(result)).toEqual([['provenance input']]);
  });

  it('checks each case of a batch', async () => {
    const other = await resultFolder(join(folder, 'out'));
    const names = ['liver.nii.gz', 'metadata.json', 'receipt.json'];
    const zip = join(folder, 'batch.zip');
    const members = [places, other].flatMap((place, at) =>
      names.map((name) => ({ name: `case${at}/${name}`, path: join(place.folder, name) })),
    );
    await writeZip(zip, members);

    const result = await hpb(['verify', zip]);

    expect(result.code).toBe(5);
    expect(result.stdout).toMatch(/^case0: DIFFERS/m);
    expect(result.stdout).toMatch(/^case1: DIFFERS/m);
  });

  it('misses a case that the manifest of a batch names, and says which files no receipt is about', async () => {
    const zip = join(folder, 'batch.zip');
    const [manifest, csv] = [join(folder, 'manifest.json'), join(folder, 'cases.csv')];
    writeFileSync(csv, 'case\r\n');
    const files = readdirSync(places.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const batchOf = async (names: readonly string[]): Promise<CommandResult> => {
      writeFileSync(manifest, JSON.stringify({ cases: names.map((name) => ({ case_id: name })) }));
      const members = files.map((path) => ({ name: `one/${relative(places.folder, path)}`, path }));
      await writeZip(zip, [
        ...members,
        { name: 'manifest.json', path: manifest },
        { name: 'cases.csv', path: csv },
      ]);
      return hpb(['verify', zip]);
    };

    const [whole, robbed] = [await batchOf(['one']), await batchOf(['one', 'two'])];

    expect([whole.code, robbed.code], whole.stdout + robbed.stdout).toEqual([0, 3]);
    expect(whole.stdout).toContain('not checked: cases.csv, manifest.json\n');
    expect(robbed.stdout).toContain('batch: cases in manifest.json\n    expected 2\n    found    1\n');
  });

  it.each([
    ['cases.csv', 'changed'],
    ['index.html', 'changed'],
    ['manifest.json', 'changed'],
    ['one/receipt.json', 'changed'],
    ['notes.txt', 'unexpected'],
  ])('finds a batch that has another %s than it was published with', async (name, what) => {
    const batch = await publishedBatch(places.folder, join(folder, 'batch'));

    const whole = await hpb(['verify', batch]);
    appendFileSync(join(batch, name), ' ');
    const altered = await hpb(['verify', batch, '--json']);

    expect([whole.code, altered.code], whole.stdout).toEqual([0, 3]);
    expect(whole.stdout).toContain('The batch: ok, 4 files as its own receipt says, not signed\n');
    expect(altered.stdout).toContain(`{"what":"${what}","name":"${name}"`);
  });

  it('asks for the signature of a key that it is given', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const [own, trusted] = [join(folder, 'key.pem'), join(folder, 'public.pem')];
    writeFileSync(own, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(trusted, publicKey.export({ type: 'spki', format: 'pem' }));
    const signed = await resultFolder(join(folder, 'out'), { signer: await keySigner(own) });

    const good = await hpb(['verify', signed.zip, '--key', trusted]);
    const unsigned = await hpb(['verify', places.zip, '--key', trusted]);
    const receipt = join(signed.folder, 'receipt.json');
    writeFileSync(receipt, readFileSync(receipt, 'utf8').replace('"attempt": 1', '"attempt": 2'));
    const forged = await hpb(['verify', signed.folder, '--json']);

    expect([good.code, unsigned.code, forged.code], good.stdout).toEqual([0, 5, 5]);
    expect(good.stdout).toContain('signed (Ed25519');
    expect(problemsIn(forged)).toEqual([['signature signature']]);
  });

  it.each([
    ['a ZIP of something else', 'other.zip'],
    ['a file that is no ZIP', 'mine.zip'],
  ])('ends with 2 for %s', async (_, name) => {
    const path = join(folder, name);
    const file = join(folder, 'a.txt');
    writeFileSync(file, 'mine');
    if (name === 'other.zip') await writeZip(path, [{ name: 'a.txt', path: file }]);
    else writeFileSync(path, 'mine');

    const { code, stderr } = await hpb(['verify', path]);

    expect(code).toBe(2);
    expect(stderr).toContain('Code: RESULT_UNREADABLE');
  });
});

describe('hpb show', () => {
  it('prints verdict, volumes and the notice, or metadata.json', async () => {
    const [text, json] = [await hpb(['show', places.zip]), await hpb(['show', places.zip, '--json'])];

    expect(text.code, text.stderr).toBe(0);
    expect(text.stdout).toMatch(/^Verdict: (ok|review|reject)\./m);
    expect(text.stdout).toMatch(/^liver +liver +\d+\.\d\d/m);
    expect(text.stdout).toContain('Not a medical device');
    expect(JSON.parse(json.stdout)).toEqual({
      case: null,
      metadata: JSON.parse(readFileSync(join(places.folder, 'metadata.json'), 'utf8')),
    });
  });
});
