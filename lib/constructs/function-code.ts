import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { AssetHashType } from 'aws-cdk-lib/core';

const ROOT = join(import.meta.dirname, '../..');

/**
 * The code of all functions, bundled once by esbuild on this machine. `NodejsFunction` would bundle each by itself, as
 * one file: modules that a call may never need would be read at every cold start.
 */
export function functionCode(): Code {
  return Code.fromAsset(join(ROOT, 'lambdas'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Asked for by the type; the local bundling below never fails over to it.
      image: DockerImage.fromRegistry('no-image-is-needed'),
      local: {
        tryBundle: (folder) => {
          const script = join(ROOT, 'scripts/bundle-lambdas.ts');
          execFileSync(process.execPath, [script, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
          return true;
        },
      },
    },
  });
}
