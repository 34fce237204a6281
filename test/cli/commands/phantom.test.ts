import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hpb } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

describe('hpb phantom', () => {
  it('writes a CT, its truth and what is in it', async () => {
    const out = join(tempFolder(), 'new', 'demo');

    const { code, stdout } = await hpb(['phantom', '--out', out, '--seed', '3', '--json']);

    expect(code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['phantom.json', 'phantom.nii.gz', 'phantom_truth.nii.gz']);
    expect(JSON.parse(stdout)).toMatchObject({ seed: 3, size: 'small', ct: join(out, 'phantom.nii.gz') });
    expect(JSON.parse(readFileSync(join(out, 'phantom.json'), 'utf8'))).toEqual(JSON.parse(stdout));
  });

  it('ends with 14 where a file stands in the place of its folder', async () => {
    const out = join(tempFolder(), 'taken');
    writeFileSync(out, 'mine');

    const { code, stderr } = await hpb(['phantom', '--out', out]);

    expect(code).toBe(14);
    expect(stderr).toContain('Code: OUTPUT_UNWRITABLE');
    expect(readFileSync(out, 'utf8')).toBe('mine');
  });
});
