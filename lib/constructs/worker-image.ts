import { join } from 'node:path';
import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { StageConfig } from '../config/read-config.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Builds of torch for a T4; that of the Dockerfile by itself has no code for any card. */
const TORCH_INDEX = 'https://download.pytorch.org/whl/cu128';
const ECR_IMAGE =
  /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.[^/]+\/(?<name>[^@]+)@(?<digest>.+)$/;

/**
 * The image of the workers: the one that `imageUri` names, by digest, or one that `cdk deploy` builds from this
 * checkout (needs Docker).
 */
export function workerImage(scope: Construct, { imageUri }: Pick<StageConfig, 'imageUri'>): ContainerImage {
  if (imageUri === undefined) {
    return ContainerImage.fromAsset(ROOT, {
      file: 'container/Dockerfile',
      platform: Platform.LINUX_AMD64,
      buildArgs: { TORCH_INDEX },
    });
  }
  const { account, region, name, digest } = ECR_IMAGE.exec(imageUri)?.groups ?? {};
  if (name === undefined) return ContainerImage.fromRegistry(imageUri);
  const repositoryArn = Arn.format(
    {
      service: 'ecr',
      account: account!,
      region: region!,
      resource: 'repository',
      resourceName: name,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    },
    Stack.of(scope),
  );
  const repository = Repository.fromRepositoryAttributes(scope, 'Image', {
    repositoryArn,
    repositoryName: name,
  });
  return ContainerImage.fromEcrRepository(repository, digest);
}
