import type { Environment } from '../../adapters/run-process.ts';
import { WORKER_EXIT } from '../../core/errors.ts';
import type { Finding } from './checks.ts';
import { IMAGE } from './image.ts';
import { attempt } from './shell.ts';

/** What the image does by itself, read-only and with nothing but its own user. */
export async function checkContainer(
  workerEnvironment: Readonly<Record<string, string>>,
  environment: Environment,
): Promise<readonly Finding[]> {
  const podman = async (args: readonly string[]): ReturnType<typeof attempt> =>
    attempt('podman', ['run', '--rm', '--read-only', ...args], environment);
  const variables = (extra: Readonly<Record<string, string>>): readonly string[] =>
    Object.entries({ ...workerEnvironment, ...extra }).flatMap(([name, value]) => [
      '--env',
      `${name}=${value}`,
    ]);

  const shell = ['--entrypoint', '/bin/sh', IMAGE, '-c'];
  const user = await podman([...shell, 'id -u; touch /opt/hpb/x 2>&1; touch /scratch/x && echo writable']);
  const weights = await podman([
    ...shell,
    'find / -xdev -size +20k -regex ".*[.]\\(pth\\|model\\|pt\\|ckpt\\)" | wc -l',
  ]);
  const engines = [
    '--entrypoint',
    '/opt/venv/bin/python',
    IMAGE,
    '-c',
    'import torch, nnunet, totalsegmentator',
  ];
  const imports = await podman(engines);
  const noShard = await podman([...variables({}), IMAGE, '--shard-key', 'jobs/none/shards/a1-s0001.json']);
  const noCard = await podman([...variables({ HPB_DEVICE: 'cuda' }), IMAGE, '--shard-key', 'jobs/none']);
  const noBucket = await podman([...variables({ HPB_MODELS_BUCKET: '' }), IMAGE, '--shard-key', 'jobs/none']);
  return [
    {
      what: 'runs as 10001 on a root that cannot be written',
      ok: /^10001$/m.test(user.stdout) && /Read-only/.test(user.stdout) && /^writable$/m.test(user.stdout),
      found: user.stdout.trim().split('\n').join('; '),
    },
    { what: 'holds no weights', ok: weights.stdout.trim() === '0', found: `${weights.stdout.trim()} files` },
    { what: 'imports the engines', ok: imports.exitCode === 0, found: `exit code ${imports.exitCode}` },
    ended('a shard that is not there ends with 2', noShard, WORKER_EXIT.shardUnreadable),
    ended('a GPU job without a card is refused with 76', noCard, WORKER_EXIT.deviceFault),
    ended('a deployment without its models bucket ends with 1', noBucket, WORKER_EXIT.unexpected),
  ];
}

function ended(what: string, result: Awaited<ReturnType<typeof attempt>>, exitCode: number): Finding {
  const code = /"code":"(\w+)"/.exec(result.tail.join('\n'))?.[1] ?? 'no code';
  return { what, ok: result.exitCode === exitCode, found: `exit code ${result.exitCode}, ${code}` };
}
