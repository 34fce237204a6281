import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { writeZip } from '../../adapters/zip-archive.ts';
import { smallCt } from '../container/worker-bench.ts';
import { finished, workplace } from '../fixtures/client-workplace.ts';
import { fakeVenv } from '../fixtures/fake-host.ts';
import { hpb, hpbHere } from '../fixtures/hpb-command.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Clears the screen, turns the text around, starts a new line. */
const HOSTILE = 'x\u001b[2J\u202e\rFAILED\n';
const STEERING = /(?!\n)[\p{Cc}\p{Cf}]/u;

describe.skipIf(!existsSync('/proc/self'))('a folder that can never be made', () => {
  it.each([
    ['phantom', '--out', '/proc/hpb/a'],
    ['segment', 'missing.nii.gz', '--out', '/proc/hpb/a'],
    ['report', 'missing.nii.gz', 'liver.nii.gz', '--out', '/proc/hpb/a'],
    ['service', 'install', '--unit', '/proc/hpb/a'],
  ])('ends hpb %s with a clear error', async (...args) => {
    const { code, stderr } = await hpbHere(args, { HPB_DATA_ROOT: tempFolder() });

    expect(code).toBe(14);
    expect(stderr).toContain('cannot be written to its folder (ENOENT)');
  });

  it('ends hpb fetch and hpb submit with a clear error', async () => {
    const { run, service, submitted, folder } = await workplace();
    const { jobId } = await submitted();
    await finished(service, jobId, 'SUCCEEDED');
    const ct = join(folder, 'scan.nii.gz');
    writeFileSync(ct, 'ct');

    const fetched = await run('fetch', jobId, '--out', '/proc/hpb');
    const noRecords = await hpbHere(['submit', ct], {
      HPB_ENDPOINT: service.url,
      HPB_DATA_ROOT: '/proc/hpb',
    });

    for (const { code, stderr } of [fetched, noRecords]) {
      expect(code).toBe(14);
      expect(stderr).toContain('OUTPUT_UNWRITABLE');
    }
  });

  it('as the data root of hpb segment is one too', async () => {
    const folder = tempFolder();
    const ct = join(folder, 'scan.nii.gz');
    await writeNifti(ct, smallCt());

    const { code, stderr } = await hpb(['segment', ct, '--out', join(folder, 'out')], {
      HPB_DATA_ROOT: '/proc/hpb',
      HPB_VENV: fakeVenv(folder, 'ok'),
    });

    expect(code).toBe(14);
    expect(stderr).toContain('OUTPUT_UNWRITABLE');
  });
});

describe('a pipe where a file is needed', () => {
  it.each([
    ['ingest', 'pipe.zip'],
    ['submit', 'pipe.zip'],
    ['submit', 'pipe.nii.gz'],
    ['show', 'pipe.zip'],
    ['verify', 'pipe.zip'],
    ['diff', 'pipe.zip', 'pipe.zip'],
  ])('is refused by hpb %s %s as what it is', async (command, ...names) => {
    const { folder, run } = await workplace();
    for (const name of new Set(names)) execFileSync('mkfifo', [join(folder, name)]);

    const { code, stderr } = await run(command, ...names.map((name) => join(folder, name)));

    expect(code).toBe(2);
    expect(stderr).toContain('a device, a socket or a pipe, not a file');
  });
});

describe('a name that would steer a terminal', () => {
  it('is harmless in what hpb segment shows', async () => {
    const folder = tempFolder();
    const out = join(folder, 'out');
    const [good, bad] = [join(folder, `${HOSTILE}.nii.gz`), join(folder, `${HOSTILE}2.nii.gz`)];
    await writeNifti(join(folder, 'ct.nii.gz'), smallCt());
    renameSync(join(folder, 'ct.nii.gz'), good);
    writeFileSync(bad, 'Dear colleague');

    const { stdout, stderr } = await hpb(['segment', good, bad, '--out', out], {
      HPB_DATA_ROOT: join(folder, 'data'),
      HPB_VENV: fakeVenv(folder, 'ok'),
      HPB_WEIGHTS: 'demo',
    });

    expect(stdout).toContain('x\ufffd[2J\ufffd\ufffdFAILED\ufffd: done in');
    expect(stderr).toContain('x\ufffd[2J\ufffd\ufffdFAILED\ufffd: liver');
    expect(stderr).toContain('2.nii.gz: FAILED');
    expect(stdout + stderr).not.toMatch(STEERING);
    expect(existsSync(join(out, HOSTILE, 'report.html'))).toBe(true);
  });

  it('is harmless in what hpb check and hpb estimate show, of a CT and of an archive', async () => {
    const folder = tempFolder();
    const [letter, zip] = [join(folder, `${HOSTILE}.nii.gz`), join(folder, `${HOSTILE}.zip`)];
    writeFileSync(letter, 'Dear colleague');
    const member = join(folder, 'member');
    writeFileSync(member, 'Dear colleague');
    await writeZip(zip, [
      { name: `${HOSTILE}.nii.gz`, path: member },
      { name: `${HOSTILE}.txt`, path: member },
    ]);

    const checked = await hpbHere(['check', letter, zip]);
    const estimated = await hpbHere(['estimate', letter]);

    expect(checked.stdout).toContain('left aside');
    expect(estimated.stdout).toContain('would be REFUSED');
    expect(checked.stdout + estimated.stdout).not.toMatch(STEERING);
  });

  it('is harmless in what hpb submit shows while it works, and when it fails', async () => {
    const { folder, run, service } = await workplace();
    const cases = join(folder, `${HOSTILE}cases`);
    mkdirSync(cases);
    const ct = join(cases, `${HOSTILE}.nii.gz`);
    writeFileSync(ct, 'ct');
    const empty = join(folder, `${HOSTILE}empty.nii.gz`);
    writeFileSync(empty, '');

    const submitted = await run('submit', cases, empty);
    const refused = await run('submit', folder, join(folder, `${HOSTILE}gone.zip`), '--batch');
    service.fault = () => new Response(`<html>${HOSTILE}`, { status: 418, statusText: 'no' });
    const foreign = await run('jobs');

    expect(submitted.stderr).toContain('1 CT packed');
    expect(submitted.stderr).toContain('empty: FAILED');
    for (const { stdout, stderr } of [submitted, refused, foreign])
      expect(stdout + stderr).not.toMatch(STEERING);
  });

  it('is harmless in what is said of a wrong command line', async () => {
    const { code, stderr } = await hpb(['check', `--${HOSTILE}`]);

    expect(code).toBe(2);
    expect(stderr).toContain('unknown option');
    expect(stderr).not.toMatch(STEERING);
  });
});

it('hpb doctor does not look at this machine when --stage names a deployment', async () => {
  const { code, stderr } = await hpbHere(['doctor', '--stage', 'prod']);

  expect(code).toBe(2);
  expect(stderr).toContain('hpb doctor --aws --stage prod');
});
