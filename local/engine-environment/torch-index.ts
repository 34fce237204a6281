import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, type Environment } from '../../adapters/run-process.ts';

/** How long the index of PyTorch's CPU builds may take to answer, ms. */
const TORCH_INDEX_LIMIT_MS = 3_000;

// pip's own HTTP library, so that the proxies which pip will use count here too.
const PROBE = `
import os, sys
from pip._vendor import requests
answer = requests.get(sys.argv[1], timeout=float(sys.argv[2]), stream=True, verify=os.environ.get("PIP_CERT") or True)
sys.exit(0 if answer.status_code == 200 else 1)
`;
const PYTHON_START_MS = 2_000;

interface ProbeOptions {
  /** A Python that has pip. */
  readonly python: string;
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether a package index (`https://…`, `file://…`) offers torch, answered within `TORCH_INDEX_LIMIT_MS` plus
 * the start of a Python; an index that is absent, refuses or hangs is not there.
 */
export async function offersTorch(index: string, options: ProbeOptions): Promise<boolean> {
  const base = index.replace(/\/+$/, '');
  if (base.startsWith('file:')) return existsSync(join(fileURLToPath(base), 'torch'));
  const result = await runProcess({
    command: options.python,
    args: ['-I', '-c', PROBE, `${base}/torch/`, String(TORCH_INDEX_LIMIT_MS / 1000)],
    environment: options.environment,
    signal: options.signal,
    timeoutMs: TORCH_INDEX_LIMIT_MS + PYTHON_START_MS,
  });
  return result.exitCode === 0;
}
