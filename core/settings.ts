import { z } from 'zod';
import { HpbError } from './errors.ts';
import { MESH_FORMATS, type MeshFormat } from './results/meshed-structures.ts';

const text = (description: string) => z.string().min(1).meta({ description });
const flag = (description: string) =>
  z
    .enum(['0', '1', 'true', 'false'])
    .transform((value) => value === '1' || value === 'true')
    .meta({ description });
const GIB = 2 ** 30;
const count = (description: string) => z.coerce.number().int().min(1).meta({ description });

/** Timers of Node count no further than 24 days, and fire at once beyond that; no job takes longer than this. */
export const WEEK_SECONDS = 7 * 86_400;

/**
 * Every environment variable the project reads, with its meaning; the reference in docs/reference/settings.md is
 * generated from it. The names of the service this project replaces keep their meaning.
 */
export const settingsSchema = z.object({
  HPB_DATA_ROOT: text(
    'Folder of everything the laptop keeps: phantom, scratch, results, models. Default: `.hpb` in the checkout, `~/.hpb` for the installed command.',
  ).optional(),
  HPB_IN_ROOT: text(
    'Scratch folder for inputs while a case runs. Default: `<data root>/scratch/in`.',
  ).optional(),
  HPB_OUT_ROOT: text(
    'Scratch folder for outputs while a case runs. Default: `<data root>/scratch/out`.',
  ).optional(),
  HPB_KEEP_INTERMEDIATE: flag(
    'Keep the scratch folder of a case (CT as given to the engines, raw masks).',
  ).default(false),
  HPB_PREVIEWS: flag(
    'Make previews of CT, masks and meshes for the page. Default: on in the workers of the laptop service, else off.',
  ).default(false),
  HPB_MESHES: z
    .enum(['none', ...MESH_FORMATS])
    .meta({
      description:
        'Write each mesh also as `stl` or `mz3`, in mm of the patient (RAS+), beside the `.vtp` files of the viewer.',
    })
    .default('none'),
  HPB_MODEL_TIMEOUT_SECONDS: count('Longest time one model may run on one case, s; a week at most.')
    .max(WEEK_SECONDS)
    .default(1800),
  HPB_WEIGHTS: z
    .enum(['auto', 'real', 'demo'])
    .meta({
      description:
        'Which weights to use: `real` ones only, the `demo` networks, or `auto`: real where installed, else demo, said loudly.',
    })
    .default('auto'),
  HPB_MODELS_ROOT: text(
    'Where `hpb models` keeps weights: `nnunet_v1/` and `totalseg/` below it. Default: `<data root>/models`.',
  ).optional(),
  RESULTS_FOLDER: text(
    'nnU-Net v1 weights, as nnU-Net names it. Default: `<models root>/nnunet_v1`.',
  ).optional(),
  TOTALSEG_WEIGHTS_PATH: text(
    'TotalSegmentator weights. Default: `<TOTALSEG_HOME>/nnunet/results` when that is set, else `<models root>/totalseg`. Never the same folder as RESULTS_FOLDER.',
  ).optional(),
  TOTALSEG_HOME: text(
    'Home of TotalSegmentator as the old service had it; only its weights are read from there.',
  ).optional(),
  TOTALSEGMENTATOR_FORCE_CUDA: flag('Refuse to run without a CUDA device (same as HPB_DEVICE=cuda).').default(
    false,
  ),
  HPB_DEVICE: z
    .string()
    .regex(/^(auto|cpu|mps|cuda(:\d+)?)$/)
    .meta({
      description:
        '`auto` (CUDA when torch can use it, else CPU), `cpu`, `cuda`, `cuda:N` or `mps`. A device asked for by name is never replaced in silence.',
    })
    .default('auto'),
  HPB_DETERMINISTIC: flag(
    'On a GPU: the same voxels in every run, slower. Without it a card adds up in any order, as with the plain tools.',
  ).default(false),
  OMP_NUM_THREADS: count('Threads of the engine on a CPU. Default: all cores.').optional(),
  MKL_NUM_THREADS: count('Threads of MKL in the engine. Default: OMP_NUM_THREADS.').optional(),
  HPB_PYTHON: text(
    'Python to build the engine environment with. Default: the first of python3.11, python3 that fits.',
  ).optional(),
  HPB_VENV: text(
    'The engine environment. Default: `.venv` in the checkout, `<data root>/venv` for the installed command.',
  ).optional(),
  HPB_TORCH_INDEX: text(
    "Index of PyTorch's CPU builds, probed before torch is installed on a Linux machine without an NVIDIA GPU. `none`: never probed.",
  ).default('https://download.pytorch.org/whl/cpu'),
  HPB_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .meta({ description: 'Port of the service on 127.0.0.1; 0 takes a free one.' })
    .default(8080),
  HPB_PUBLIC_URL: z
    .url({ protocol: /^https$/ })
    .refine((url) => URL.parse(url)?.origin === url.replace(/\/$/, ''), 'scheme, host and port only')
    .transform((url) => new URL(url).origin)
    .meta({
      description:
        'Address under which a proxy on this machine offers the laptop service to others, such as `https://hpb.example.org`: requests for that host are served too, and links in their answers begin with it. The service itself stays on 127.0.0.1. Default: none.',
    })
    .optional(),
  HPB_ENDPOINT: text(
    'Service that `hpb submit` and its kin talk to: a URL. Default: `http://127.0.0.1:<HPB_PORT>`.',
  ).optional(),
  HPB_S3_BUCKET: text('Bucket of a `--to` that names only a prefix.').optional(),
  HPB_INGEST_BUCKET: text(
    'Bucket that `hpb ingest` puts archives into. Default: none, they go to the folder `ingest` of the data root.',
  ).optional(),
  AWS_REGION: text(
    'Region of a deployment whose endpoint does not tell it, and of the buckets above.',
  ).optional(),
  HPB_MAX_BATCH: count(
    'Most cases in one archive, of forms too; the service that this one replaces took 10 at most.',
  ).default(1000),
  HPB_MAX_CONCURRENCY: count(
    'Workers that the laptop service runs at once. Default: one per NVIDIA GPU, else one.',
  ).optional(),
  HPB_MAX_BULK_CONCURRENCY: count(
    'How many workers of a deployment archives may take; shards, deadlines and cost are planned by it. Default: all.',
  ).optional(),
  HPB_MAX_ACTIVE_JOBS: count('Most jobs that wait or run; a submit beyond it is answered 429.').default(1000),
  HPB_MAX_JOB_COST_USD: z.coerce
    .number()
    .positive()
    .meta({
      description:
        'Most that a job may cost by its estimate, USD on demand, the start of its machines included; a dearer one is refused (`JOB_TOO_EXPENSIVE`). Default: no limit.',
    })
    .optional(),
  HPB_MAX_UPLOAD_BYTES: count('Largest upload, bytes.').default(500 * GIB),
  HPB_MAX_UNPACKED_BYTES: count('Most bytes that one archive may unpack to.').default(1000 * GIB),
  HPB_LINK_MINUTES: count('How long a signed link is good for uploading, minutes; a week at most.')
    .max(WEEK_SECONDS / 60)
    .default(60),
  HPB_FUNCTION_ARCHIVE_BYTES: count(
    'Larger archives are unpacked by a worker, not by the function that plans the job, bytes.',
  ).default(2 * GIB),
  HPB_FUNCTION_RESULT_BYTES: count(
    'Larger results are put together by a worker, not by a function, bytes.',
  ).default(2 * GIB),
  HPB_MAX_ZIP_BYTES: count(
    'Beyond this a job has a manifest and a ZIP per case, no ZIP of all its cases, bytes.',
  ).default(50 * GIB),
  HPB_SHARD_CASES: count('Most cases that one worker gets at a time.').default(8),
  HPB_QUEUE_ALLOWANCE_SECONDS: count('Part of the deadline of a job that is for waiting, s.').default(7200),
  HPB_ENGINE_IDLE_SECONDS: count('How long the engine of the laptop service stays loaded without work, s.')
    .max(WEEK_SECONDS)
    .default(600),
  HPB_ENGINE_RECYCLE_CASES: count(
    'After so many cases the engine process is replaced between two cases, so that nothing that its libraries leave behind piles up.',
  ).default(500),
  HPB_RETENTION_DAYS: count(
    'Finished jobs and forgotten uploads older than this are removed by the laptop service, days. Default: never.',
  ).optional(),
  HPB_CANARY_HOURS: count(
    'How often a deployment sends a synthetic CT through itself, hours; set by its stack (`canaryHours`).',
  ).optional(),
  HPB_MIN_FREE_BYTES: count(
    'The laptop service takes no new work when less disk than this would stay free, bytes.',
  ).default(2 * GIB),
  HPB_FINISHED_WEBHOOK: z
    .url({ protocol: /^https?$/ })
    .meta({
      description:
        'Address that the laptop service posts a JSON document to when a job has ended: id, outcome, counts, code; no names.',
    })
    .optional(),
  HPB_SIGNING_KEY: text(
    'Private Ed25519 key (PEM file) that receipts are signed with. Default: receipts are not signed.',
  ).optional(),
  HPB_SIGNING_KMS_KEY: text(
    'KMS key (id, ARN or alias; ECC_NIST_P256, SIGN_VERIFY) that receipts are signed with; excludes HPB_SIGNING_KEY.',
  ).optional(),
  HPB_IMAGE_DIGEST: text(
    'Digest of the container image (`sha256:…`), for the receipt. Default: not known, as on a laptop.',
  ).optional(),
  HPB_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'])
    .meta({ description: 'Least severe log line that is written.' })
    .default('info'),
});

/** The settings after parsing, defaults filled in. */
export type Settings = z.infer<typeof settingsSchema>;

/**
 * Parses an environment (values that are empty strings count as unset).
 *
 * @throws HpbError SETTINGS_INVALID naming the variable and the value received.
 */
export function parseSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(
    Object.keys(settingsSchema.shape)
      .map((name) => [name, environment[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  throw new HpbError(
    'SETTINGS_INVALID',
    `${name}=${JSON.stringify(given[name])} is not a value it can take: ${issue.message}`,
    {
      remedy: `Set ${name} as docs/reference/settings.md says, or unset it for the default.`,
      details: { name },
    },
  );
}

/** The format in which each mesh is written once more; null for none. */
export const meshFormatOf = ({
  HPB_MESHES = 'none',
}: Partial<Pick<Settings, 'HPB_MESHES'>>): MeshFormat | null => (HPB_MESHES === 'none' ? null : HPB_MESHES);
