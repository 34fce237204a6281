import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../core/errors.ts';
import { parseSettings } from '../../core/settings.ts';
import { findPython } from '../../local/engine-environment/find-python.ts';

const fixtureBin = join(import.meta.dirname, '..', 'fixtures', 'bin');

describe('the Python to build with', () => {
  const inPath = (name: string) =>
    findPython(parseSettings({}), { PATH: join(fixtureBin, name), HOME: process.env.HOME });

  it.each([
    ['python-3.10', 'PYTHON_WRONG_VERSION', '3.10.13'],
    ['python-3.13', 'PYTHON_WRONG_VERSION', '3.13.0'],
    ['python-without-venv', 'PYTHON_NO_VENV', '3.11.9'],
    ['not-a-python', 'PYTHON_MISSING', 'python3'],
    ['no-such-folder', 'PYTHON_MISSING', 'python3.11'],
  ] as const)('is refused when there is only %s', async (name, code, named) => {
    await expect(inPath(name)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(named) as string,
    });
    expect(ERROR_CODES[code].exit).toBe(10);
  });

  it('is the one that HPB_PYTHON names, and no other', async () => {
    const settings = parseSettings({ HPB_PYTHON: join(fixtureBin, 'python-3.10', 'python3') });

    await expect(findPython(settings, process.env)).rejects.toMatchObject({ code: 'PYTHON_WRONG_VERSION' });
  });
});
