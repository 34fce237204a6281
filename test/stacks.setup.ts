import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of what is synthesised. */
    stacks: string;
  }
}

/** Before any test: the folder of what is synthesised, which is removed after all of them. */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'hpb-stacks-'));
  project.provide('stacks', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
